// ModelUsers: the users of the simulated world. From time to time they look into their mailboxes, enter in the book what
// they see, move mail from new/ to cur/ as readers do, and remove some of it.
#pragma once

#include "proof/model_world.hpp"
#include "sim/disk.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::proof {

class ModelUsers {
 public:
  ModelUsers(ModelWorld& world, sim::Disk& disk, std::string mail_root)
      : world_(world), disk_(disk), root_(std::move(mail_root)) {}

  /// Users look, and do what they do.
  void visit();
  /// The last look: everything is entered, and that it is there.
  void look_at_all();

 private:
  struct Mail {
    std::string path;
    std::size_t name_at = 0;
    std::size_t user_at = 0;
    std::size_t user_octets = 0;
    bool is_new = false;

    [[nodiscard]] std::string_view user() const { return std::string_view(path).substr(user_at, user_octets); }
    [[nodiscard]] std::string_view name() const { return std::string_view(path).substr(name_at); }
    /// The name without flags.
    [[nodiscard]] std::string_view base() const { return name().substr(0, name().find(':')); }
  };
  [[nodiscard]] std::vector<Mail> all_mail() const;
  void look_for_twins(const std::vector<Mail>& mails);
  /// In the book, unless it stands there.
  void enter(const Mail& mail);

  ModelWorld& world_;
  sim::Disk& disk_;
  std::string root_;
};

}  // namespace posthorn::proof
