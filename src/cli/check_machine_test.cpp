#include "cli/check_machine.hpp"

#include "system/posix_disk.hpp"
#include "system/tls_certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace posthorn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct CheckMachine : testing::Test {
  config::Configuration configuration;
  std::filesystem::path folder;

  void SetUp() override {
    std::string pattern = testing::TempDir() + "posthorn-check-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    configuration.state = folder / "state";
    configuration.admin.socket = folder / "state/admin.sock";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string certificate(const std::string& name) {
    const auto path = (folder / name).string();
    EXPECT_TRUE(system::ensure_certificate(path, "mx.example.org", WallTime{std::chrono::seconds{1'790'000'000}}));
    return path;
  }
  std::vector<std::string> faults() {
    system::PosixDisk disk;
    std::vector<std::string> told;
    for (const auto& finding : check_machine(configuration, disk)) {
      if (finding.is_fault) told.push_back(finding.where + ": " + finding.text);
    }
    return told;
  }
};

TEST_F(CheckMachine, WhatServesIsGood) {
  configuration.tls.certificate = certificate("one.pem");
  configuration.listeners = {{.interface = "lo"}};
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(CheckMachine, AKeyOfAnotherCertificateIsAFault) {
  configuration.tls.certificate = certificate("one.pem");
  configuration.tls.key = certificate("two.pem");
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("tls: ")));
}

TEST_F(CheckMachine, AFileWithoutACertificateIsAFault) {
  configuration.tls.certificate = folder / "text.pem";
  std::ofstream{configuration.tls.certificate} << "no certificate\n";
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("text.pem")));
}

TEST_F(CheckMachine, AnInterfaceThatIsNotThereIsAFault) {
  configuration.listeners = {{.interface = "nosuch0"}};
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("nosuch0")));
}

TEST_F(CheckMachine, TheFolderOfTheAdminSocketMustBeThere) {
  configuration.admin.socket = folder / "nowhere/admin.sock";
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("nowhere")));
}

}  // namespace
}  // namespace posthorn::cli
