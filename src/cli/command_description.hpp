// What a command is, word by word, as its own option parser knows it: the one source of --help, the manual pages and the
// completions of shells.
#pragma once

#include <string>
#include <vector>

namespace posthorn::cli {

struct OptionDescription {
  std::vector<std::string> names;  ///< "-c", "--config"; of a word without a dash, its name in capitals
  std::string value;               ///< "FILE"; empty: it takes none
  std::string text;
  std::string usual;  ///< the default, when it is shown
  bool is_required = false;
};

struct CommandDescription {
  std::string called;  ///< "posthorn queue list"
  std::string purpose;
  std::string ending;                      ///< exit statuses, files, examples
  std::vector<OptionDescription> words;    ///< without a dash, in their order
  std::vector<OptionDescription> options;  ///< without --help
  std::vector<CommandDescription> below;   ///< subcommands
};

}  // namespace posthorn::cli
