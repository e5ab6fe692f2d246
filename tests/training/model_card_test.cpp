#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/stored_model.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Bit by bit, from the polynomial of ISO 3309.
std::string crc32_of(const std::string& bytes) {
  std::uint32_t rest = 0xFFFFFFFF;
  for (const unsigned char byte : bytes) {
    rest ^= byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1U ^ (rest & 1U ? 0xEDB88320 : 0);
  }
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", ~rest);
  return digits.data();
}

class ModelCard : public ::testing::Test {
 protected:
  void SetUp() override {
    write_safetensors(model, {{{"weight", at::ones({3})}}, model_metadata("small", {})});
  }

  void write(const std::string& text) const { std::ofstream(card) << text; }
  void write_card_of(const std::string& bytes) const {
    write(R"({"name": "small", "bytes": )" + std::to_string(bytes.size()) + R"(, "crc32": ")" +
          crc32_of(bytes) + "\"}");
  }
  std::string refusal() const {
    try {
      read_stored_model(model, {model.filename().string()});
    } catch (const UsageError&) {
      return "a usage error";
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  testing::TemporaryFolder folder;
  fs::path model = folder / "small.safetensors", card = folder / "small.json";
};

TEST_F(ModelCard, IsNotNeededAndFitsItsFile) {
  EXPECT_EQ(refusal(), "");
  write_card_of(bytes_of(model));
  EXPECT_EQ(refusal(), "");
}

TEST_F(ModelCard, OfAnotherFileIsRefused) {
  auto bytes = bytes_of(model);
  bytes.back() ^= 1;
  write_card_of(bytes);
  EXPECT_NE(refusal().find("small.safetensors: expected the file of its card small.json"),
            std::string::npos)
      << refusal();
  write_card_of(bytes_of(model) + " ");
  EXPECT_NE(refusal().find("got " + std::to_string(fs::file_size(model)) + " bytes"),
            std::string::npos)
      << refusal();
}

TEST_F(ModelCard, ThatIsNoneIsRefused) {
  for (const char* text : {"", "[1]", R"({"bytes": 12})", R"({"bytes": -1, "crc32": "0"})",
                           R"({"bytes": 12, "crc32": 7})", R"({"bytes": "12", "crc32": "00"})"}) {
    write(text);
    EXPECT_NE(refusal().find("expected a model card"), std::string::npos) << text << refusal();
  }
  fs::remove(card);
  fs::create_directory(card);
  EXPECT_NE(refusal().find("expected a model card"), std::string::npos) << refusal();
}

}  // namespace
}  // namespace neurosplat
