#include "neurosplat/training/options.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/one_line.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using testing::one_line_error;
using testing::TemporaryFolder;

struct Some {
  std::int64_t epochs = 1;
};

template <class Visitor>
void visit_options(Some& config, Visitor&& visit) {
  const OptionGroup group("Training", visit);
  group("epochs", config.epochs, "passes", AtLeast{1});
}

std::string refusal_of(const std::string& written) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.json") << written;
  return one_line_error([&] {
    Some config;
    read_options(config, read_json_file(folder / "a.json"), "a.json");
  });
}

TEST(Options, WhatAFileSaysStaysOnOneLine) {
  EXPECT_NE(refusal_of(R"({"a\nb": 1})").find("'a\\x0ab'"), std::string::npos);
  EXPECT_NE(refusal_of(R"({"epochs": "\u001b[2J"})").find("epochs"), std::string::npos);
  // Long values are cut: one_line_error() has a length that it bears.
  EXPECT_NE(refusal_of(R"({"epochs": ")" + std::string(100'000, 'x') + "\"}").find("..."),
            std::string::npos);
  EXPECT_NE(refusal_of(R"({")" + std::string(100'000, 'x') + R"(": 1})").find("..."),
            std::string::npos);
  EXPECT_NE(refusal_of("[" + std::string(100'000, '9') + "e999999]").find("JSON"),
            std::string::npos);
}

/// What writes a value into a message goes down as deep as its brackets.
TEST(Options, BracketsWithoutEndAreRefused) {
  const std::string many(1'000'000, '[');
  EXPECT_NE(refusal_of(R"({"epochs": )" + many).find("64 levels"), std::string::npos);
  EXPECT_NE(
      refusal_of(R"({"epochs": )" + many + std::string(1'000'000, ']') + "}").find("64 levels"),
      std::string::npos);
  EXPECT_NE(refusal_of(R"({"epochs": )" + std::string(60, '[') + std::string(60, ']') + "}")
                .find("integer"),
            std::string::npos);
}

TEST(Options, AFileOfAnySizeIsNotRead) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.json") << "{}";
  std::filesystem::resize_file(folder / "a.json", (1U << 24U) + 1);
  EXPECT_NE(one_line_error([&] { read_json_file(folder / "a.json"); }).find("at most 16777216"),
            std::string::npos);
  EXPECT_NE(one_line_error([&] { read_json_file(folder.path()); }).find("cannot read it"),
            std::string::npos);
  EXPECT_NE(one_line_error([&] { read_json_file("/dev/zero"); }).find("cannot read it"),
            std::string::npos);
}

}  // namespace
}  // namespace neurosplat
