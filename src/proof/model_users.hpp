// ModelUsers: the users of the simulated world. From time to time they look into their mailboxes, enter in the book what
// they see, move mail from new/ to cur/ as readers do, and remove some of it.
#pragma once

#include "proof/model_world.hpp"
#include "sim/disk.hpp"

#include <string>
#include <string_view>

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
    std::string user;
    std::string name;
    std::string path;
    bool is_new = false;
  };
  void look_for_twins();
  template <class Visit>
  void each_mail(Visit visit);

  ModelWorld& world_;
  sim::Disk& disk_;
  std::string root_;
};

}  // namespace posthorn::proof
