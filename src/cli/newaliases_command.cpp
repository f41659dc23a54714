#include "cli/newaliases_command.hpp"

#include "cli/directory_settings.hpp"
#include "cli/error_status.hpp"
#include "cli/load_configuration.hpp"
#include "cli/options.hpp"
#include "store/directory_files.hpp"
#include "system/posix_disk.hpp"

namespace posthorn::cli {
namespace {

/// Faults of the aliases, not of the users beside them.
std::size_t tell(const std::vector<store::FileFault>& faults, const std::string& users_file, Console& console) {
  std::size_t count = 0;
  for (const auto& fault : faults) {
    if (fault.file == users_file) continue;
    console.complain("{}", fault.to_string());
    ++count;
  }
  return count;
}

}  // namespace

ExitStatus run_newaliases(const Invocation& invocation, Console& console) {
  Options options(invocation, "Checks the aliases file. A running server reads it by itself when it changes.");
  std::string file;
  options.app().add_option("-c,--config", file, "the configuration file");
  options.app().allow_extras();
  if (const auto status = options.read(console)) return *status;

  const auto configuration = load_configuration(file);
  if (!configuration) {
    for (const auto& line : configuration.error().lines) console.remark("{}\n", line);
    return configuration.error().status;
  }
  const auto settings = directory_settings(*configuration);
  system::PosixDisk disk;
  const auto loaded = store::load_directory(disk, settings);
  if (!loaded) {
    console.complain("{}", loaded.error().text);
    return status_of(loaded.error());
  }
  const auto faults = tell(loaded->faults, settings.users_file, console) +
                      tell(store::judge_directory(*loaded->directory, settings), settings.users_file, console);
  const auto count = loaded->directory->aliases().size();
  console.print("{}: {} aliases\n", settings.aliases_file.empty() ? "no file of aliases is set" : settings.aliases_file,
                count);
  return faults == 0 ? ExitStatus::ok : ExitStatus::bad_data;
}

}  // namespace posthorn::cli
