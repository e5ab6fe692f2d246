#include "systems/waveform/service_messages.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/picture_bytes.h"

namespace neurosplat {
namespace {

ServiceMessage parse(const std::string& text, std::string* session = nullptr) {
  std::string name;
  auto message = parse_message(text, 3, {}, session == nullptr ? name : *session);
  return message;
}

std::string refusal_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

std::string picture_base64() {
  return to_base64(encode_png(at::full({3, 4, 6}, 0.5)));
}

TEST(ServiceMessages, OfTheText) {
  const auto latent =
      parse(R"({"type": "waveform_latent", "session_id": "xyz123", "payload": [0.5, -1, 2e0]})");
  EXPECT_FALSE(latent.envelope);
  EXPECT_EQ(latent.session, "xyz123");
  EXPECT_TRUE(latent.latent->equal(at::tensor({0.5F, -1.0F, 2.0F})));
  const auto picture = parse(R"({"session_id": "a", "image_base64": "data:image/png;base64,)" +
                             picture_base64() + "\"}");
  EXPECT_EQ(picture.picture->sizes(), at::IntArrayRef({3, 4, 6}));
}

/// Tensors are JSON lists, packed by zlib, in base64; a batch of one is one.
TEST(ServiceMessages, OfTheOriginal) {
  const auto packed = packed_list(at::tensor({1.0F, 2.0F, 3.5F}));
  const auto message = parse(R"({"payload": {"waveform_latent": ")" + packed +
                             R"("}, "metadata": {"user_id": "u", "origin": 7}})");
  EXPECT_TRUE(message.envelope);
  EXPECT_EQ(message.session, "u");
  EXPECT_EQ(message.metadata.at("origin"), 7);
  EXPECT_TRUE(message.latent->equal(at::tensor({1.0F, 2.0F, 3.5F})));
  const auto plain =
      parse(R"({"payload": {"waveform_latent": [[1, 2, 3]]}, "metadata": {"user_id": "u"}})");
  EXPECT_TRUE(plain.latent->equal(at::tensor({1.0F, 2.0F, 3.0F})));
  const auto picture = parse(R"({"payload": {"image_base64": ")" + picture_base64() +
                             R"("}, "metadata": {"user_id": "u"}})");
  EXPECT_TRUE(picture.picture.has_value());
}

TEST(ServiceMessages, WhatIsWrongIsSaid) {
  const auto expect = [](const std::string& text, const std::string& part) {
    EXPECT_NE(refusal_of(text).find(part), std::string::npos) << refusal_of(text);
  };
  expect("", "JSON");
  expect("{\"session_id\": \"a\"", "JSON");
  expect("[1]", "session_id");
  expect(R"({"session_id": 5, "payload": [1,2,3]})", "session_id");
  expect(R"({"session_id": "", "payload": [1,2,3]})", "1 to 128 bytes");
  expect(R"({"session_id": ")" + std::string(200, 'x') + R"(", "payload": [1,2,3]})", "128");
  expect(R"({"session_id": "a\u0001", "payload": [1,2,3]})", "control");
  expect(R"({"session_id": "a"})", "expected a picture");
  expect(R"({"session_id": "a", "payload": [1,2]})", "3 numbers, got 2");
  expect(R"({"session_id": "a", "payload": {"x": 1}})", "3 numbers");
  expect(R"({"session_id": "a", "payload": [1,2,null]})", "finite");
  expect(R"({"session_id": "a", "payload": [1,2,1e300]})", "finite");
  expect(R"({"session_id": "a", "payload": [1,2,NaN]})", "JSON");
  expect(R"({"session_id": "a", "image_base64": "####"})", "base64");
  expect(R"({"session_id": "a", "image_base64": "data:image/png"})", "comma");
  expect(R"({"session_id": "a", "image_base64": "QUJD"})", "PNG");
  expect(R"({"payload": {"waveform_latent": "QUJD"}, "metadata": {"user_id": "u"}})", "zlib");
  expect(R"({"payload": {"waveform_latent": [1,2,3]}, "metadata": {}})", "user_id");
  expect(std::string(100000, '['), "16 levels");
  std::string deep = R"({"session_id": "a", "payload": )" + std::string(40, '[') + "1" +
                     std::string(40, ']') + "}";
  expect(deep, "16 levels");
}

TEST(ServiceMessages, BombsAreDefused) {
  // A million zeros pack to a thousandth.
  const auto bomb = packed_list(at::zeros({2'000'000}));
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_NE(refusal_of(R"({"payload": {"waveform_latent": ")" + bomb +
                       R"("}, "metadata": {"user_id": "u"}})")
                .find("at most 1048576 bytes"),
            std::string::npos);
  // A PNG whose header claims 100 megapixels.
  auto png = encode_png(at::full({3, 4, 6}, 0.5));
  png[16] = png[20] = 0;
  png[17] = png[21] = 0;
  png[18] = png[22] = 0x27;
  png[19] = png[23] = 0x10;
  EXPECT_NE(refusal_of(R"({"session_id": "a", "image_base64": ")" + to_base64(png) + "\"}"),
            "none");
  EXPECT_THROW(decode_picture(encode_png(at::full({3, 40, 60}, 0.5)), 2399), Error);
  EXPECT_NO_THROW(decode_picture(encode_png(at::full({3, 40, 60}, 0.5)), 2400));
}

/// Good messages with bytes changed: each is read or refused on one line. NEUROSPLAT_FUZZ_RUNS: how
/// many (3,000); docs/reliability.md has more, under sanitizers.
TEST(ServiceMessages, ChangedBytesNeverCrash) {
  const std::vector<std::string> good = {
      R"({"type": "waveform_latent", "session_id": "xyz123", "payload": [0.5, -1, 2e0]})",
      R"({"session_id": "a", "image_base64": ")" + picture_base64() + "\"}",
      R"({"payload": {"waveform_latent": ")" + packed_list(at::ones({3})) +
          R"("}, "metadata": {"user_id": "u"}})"};
  std::mt19937 random(7);
  const char* asked = std::getenv("NEUROSPLAT_FUZZ_RUNS");
  const std::int64_t runs = asked == nullptr ? 3000 : std::atoll(asked);
  std::int64_t refused = 0;
  for (std::int64_t i = 0; i < runs; ++i) {
    auto text = good[static_cast<std::size_t>(i) % good.size()];
    for (std::uint32_t k = 0; k <= random() % 4; ++k) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    const auto said = refusal_of(text);
    if (said != "none") ++refused;
    EXPECT_EQ(said.find('\n'), std::string::npos);
  }
  EXPECT_GT(refused, runs / 3);
}

TEST(PictureBytes, GoThereAndBack) {
  const auto picture = at::rand({3, 5, 7}, at::detail::createCPUGenerator(2));
  const auto expected = (picture * 255).round();
  EXPECT_TRUE(decode_picture(encode_png(picture), 35).to(at::kFloat).equal(expected));
  const auto smooth = at::full({3, 16, 16}, 0.3);
  EXPECT_LT(
      (decode_picture(encode_jpeg(smooth), 256).to(at::kFloat) - 76.5).abs().max().item<double>(),
      3);
}

/// The examples of RFC 4648, section 10.
TEST(Base64, ExamplesOfTheStandard) {
  const std::vector<std::pair<std::string, std::string>> examples = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(from_base64(to_base64(all)), all);
  for (const char* bad : {"Zg=", "Zg", "Z===", "Zm9v\n", "Zm 9", "=m9v", "Zm=v", "Zm9v===="}) {
    EXPECT_THROW(from_base64(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace neurosplat
