#include "neurosplat/io/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "io/one_line.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::one_line_error;
using testing::TemporaryFolder;

void put(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The file format by hand: length, header, data.
std::string file_with(const std::string& header, std::size_t data_bytes) {
  std::string length(8, '\0');
  const std::uint64_t count = header.size();
  std::memcpy(length.data(), &count, 8);
  return length + header + std::string(data_bytes, '\1');
}

TensorFile one_of_each_dtype() {
  TensorFile file;
  const auto whole = at::arange(-3, 9).view({3, 4});
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16})
    file.tensors[at::toString(dtype)] = (whole.to(at::kDouble) / 3.0).to(dtype);
  for (const auto dtype : {at::kLong, at::kInt, at::kShort, at::kChar})
    file.tensors[at::toString(dtype)] = whole.to(dtype);
  file.tensors["Byte"] = (whole + 3).to(at::kByte);
  file.tensors["Bool"] = whole > 2;
  return file;
}

void expect_same(const TensorFile& read, const TensorFile& written) {
  EXPECT_EQ(read.metadata, written.metadata);
  ASSERT_EQ(read.tensors.size(), written.tensors.size());
  for (const auto& [name, tensor] : written.tensors) {
    ASSERT_TRUE(read.tensors.contains(name)) << name;
    const auto& other = read.tensors.at(name);
    EXPECT_EQ(other.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(other.sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(other.equal(tensor)) << name;
  }
}

TEST(Safetensors, ReadsBackWhatItWrote) {
  const TemporaryFolder folder;
  auto file = one_of_each_dtype();
  file.tensors["scalar"] = at::scalar_tensor(2.5);
  file.tensors["nothing"] = at::empty({0});
  file.tensors["nothing of many"] = at::empty({3, 0, 5}, at::kHalf);
  file.tensors["turned"] = at::rand({4, 6}).t();
  file.tensors["every second"] = at::rand({9}).slice(0, 0, 9, 2);
  file.tensors["learned"] = at::rand({2}).requires_grad_();
  file.metadata = {{"format", "pt"}, {"quoted \"text\"", "line\nline, \xC3\xA9"}};
  write_safetensors(folder / "a.safetensors", file);
  expect_same(read_safetensors(folder / "a.safetensors"), file);

  const TensorFile bare;
  write_safetensors(folder / "b.safetensors", bare);
  expect_same(read_safetensors(folder / "b.safetensors"), bare);
}

// Read by hand: where a tensor of known bytes must lie.
TEST(Safetensors, AlignsHeaderAndTensors) {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors["a"] = at::ones({3}, at::kByte);
  file.tensors["b"] = at::full({2}, 1.5, at::kFloat);
  file.tensors["c"] = at::full({1}, 258, at::kLong);
  write_safetensors(folder / "a", file);
  const auto bytes = content(folder / "a");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  ASSERT_EQ(length % 8, 0U);
  EXPECT_EQ(bytes[8], '{');
  const std::string expected("\2\1\0\0\0\0\0\0\0\0\xC0\x3F\0\0\xC0\x3F\1\1\1", 19);
  EXPECT_EQ(bytes.substr(8 + length), expected);
}

TEST(Safetensors, PythonReadsOurs) {
  const auto python = testing::python_with("safetensors.torch");
  if (!python) GTEST_SKIP() << "no Python with safetensors and torch";
  const TemporaryFolder folder;
  auto file = one_of_each_dtype();
  file.tensors["scalar"] = at::scalar_tensor(2.5);
  file.tensors["nothing"] = at::empty({3, 0});
  file.metadata = {{"format", "pt"}, {"latent", "128"}};
  write_safetensors(folder / "a.safetensors", file);
  const std::string script = R"(
import sys, torch
from safetensors import safe_open
whole = torch.arange(-3, 9).view(3, 4)
thirds = whole.double() / 3
expected = {'Double': thirds, 'Float': thirds.float(), 'Half': thirds.half(),
            'BFloat16': thirds.bfloat16(), 'Long': whole, 'Int': whole.int(),
            'Short': whole.short(), 'Char': whole.char(), 'Byte': (whole + 3).byte(),
            'Bool': whole > 2, 'scalar': torch.tensor(2.5), 'nothing': torch.empty(3, 0)}
with safe_open(sys.argv[1], 'pt') as f:
    assert f.metadata() == {'format': 'pt', 'latent': '128'}, f.metadata()
    assert set(f.keys()) == set(expected), f.keys()
    for name, tensor in expected.items():
        read = f.get_tensor(name)
        assert read.dtype == tensor.dtype and torch.equal(read, tensor), name
)";
  const auto run =
      testing::run_command({*python, "-c", script, (folder / "a.safetensors").string()});
  EXPECT_EQ(run.status, 0) << run.errors;
}

TEST(Safetensors, WeReadPythons) {
  const auto python = testing::python_with("safetensors.torch");
  if (!python) GTEST_SKIP() << "no Python with safetensors and torch";
  const TemporaryFolder folder;
  const std::string script = R"(
import sys, torch
from safetensors.torch import save_file
whole = torch.arange(-3, 9).view(3, 4)
thirds = whole.double() / 3
save_file({'Double': thirds, 'Float': thirds.float(), 'Half': thirds.half(),
           'BFloat16': thirds.bfloat16(), 'Long': whole, 'Int': whole.int(),
           'Short': whole.short(), 'Char': whole.char(), 'Byte': (whole + 3).byte(),
           'Bool': whole > 2}, sys.argv[1], {'note': 'h\u00e9'})
)";
  const auto run =
      testing::run_command({*python, "-c", script, (folder / "a.safetensors").string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  auto expected = one_of_each_dtype();
  expected.metadata = {{"note", "h\xC3\xA9"}};
  expect_same(read_safetensors(folder / "a.safetensors"), expected);
}

struct BadHeader {
  const char* why;
  std::string header;
  std::size_t data_bytes;
  const char* said;
};

std::string f32(const std::string& name, const std::string& shape, const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

std::vector<BadHeader> bad_headers() {
  const auto in_braces = [](const std::string& inside) { return "{" + inside + "}"; };
  const std::string power = "1152921504606846976";  // 2^60
  const auto twice = f32("a", "[1]", "[0,4]");
  return {
      {"beyond the file", in_braces(f32("a", "[4]", "[0,16]")), 8, "of only 8"},
      {"overlap", in_braces(f32("a", "[2]", "[0,8]") + "," + f32("b", "[2]", "[4,12]")), 12,
       "inside another"},
      {"same place", in_braces(f32("a", "[2]", "[0,8]") + "," + f32("b", "[2]", "[0,8]")), 8,
       "inside another"},
      {"gap", in_braces(f32("a", "[1]", "[0,4]") + "," + f32("b", "[1]", "[8,12]")), 12, "a gap"},
      {"gap at the start", in_braces(f32("a", "[1]", "[4,8]")), 8, "a gap"},
      {"rest", in_braces(f32("a", "[1]", "[0,4]")), 8, "take 4 bytes, it holds 8"},
      {"huge shape", in_braces(f32("a", "[" + power + "]", "[0,4]")), 4,
       "needs 4611686018427387904 bytes"},
      {"huge product", in_braces(f32("a", "[4294967296,4294967296]", "[0,0]")), 0,
       "no memory holds"},
      {"huge beside zero", in_braces(f32("a", "[0," + power + "," + power + "]", "[0,0]")), 0,
       "no memory holds"},
      {"huge offsets", in_braces(f32("a", "[268435456]", "[0,1073741824]")), 4, "of only 4"},
      {"beyond 64 bits", in_braces(f32("a", "[1]", "[0,18446744073709551620]")), 4,
       "instead of a size"},
      {"wrapped to 4", in_braces(f32("a", "[1]", "[18446744073709551612,0]")), 4,
       "instead of a size"},
      {"negative shape", in_braces(f32("a", "[-1]", "[0,4]")), 4, "holds -1"},
      {"negative offset", in_braces(f32("a", "[1]", "[-4,0]")), 4, "holds -4"},
      {"float offset", in_braces(f32("a", "[1]", "[0,4.0]")), 4, "holds 4.0"},
      {"text offset", in_braces(f32("a", "[1]", R"([0,"4"])")), 4, "instead of a size"},
      {"null shape", in_braces(f32("a", "null", "[0,4]")), 4, "for its shape"},
      {"backwards", in_braces(f32("a", "[1]", "[4,0]")), 4, "needs 4 bytes"},
      {"wrong length", in_braces(f32("a", "[3]", "[0,8]")), 8, "needs 12 bytes"},
      {"three offsets", in_braces(f32("a", "[1]", "[0,4,8]")), 4, "no pair"},
      {"deep shape", in_braces(f32("a", "[[1]]", "[0,4]")), 4, "nested too deeply"},
      {"twice", in_braces(twice + "," + twice), 4, "names a twice"},
      {"shape twice", R"({"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,4]}})", 4,
       "names shape twice"},
      {"unknown dtype", R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "F31"},
      {"dtype no text", R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, "dtype 7"},
      {"no dtype", R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "has no dtype"},
      {"no offsets", R"({"a":{"dtype":"F32","shape":[1]}})", 4, "has no data_offsets"},
      {"tensor no object", R"({"a":[1]})", 0, "no JSON object"},
      {"truth value of 1.5", R"({"a":{"dtype":"BOOL","shape":[0],"data_offsets":[0,0.5]}})", 0,
       "0.5"},
      {"metadata a number", R"({"__metadata__":{"latent":128}})", 0, "is no text but number"},
      {"metadata a list", R"({"__metadata__":["latent"]})", 0, "metadata is no JSON object"},
      {"newline in a name", "{\"a\\nb\":3}", 0, "a\\x0ab"},
      {"list", "[]", 0, "no JSON object"},
      {"number", "3", 0, "no JSON object"},
      {"no JSON", "{\"a\":", 0, "no valid JSON"},
      {"more than one", "{}{}", 0, "no valid JSON"},
      {"bad UTF-8", "{\"\xFF\":3}", 0, "no valid JSON"},
      {"empty", "", 0, "no valid JSON"},
      {"100,000 brackets", std::string(100'000, '['), 0, "nested too deeply"},
      {"100,000 braces", R"({"a":)" + std::string(100'000, '['), 0, "nested too deeply"},
  };
}

TEST(Safetensors, RefusesLyingHeaders) {
  const TemporaryFolder folder;
  for (const auto& bad : bad_headers()) {
    SCOPED_TRACE(bad.why);
    put(folder / "bad.safetensors", file_with(bad.header, bad.data_bytes));
    const auto message = one_line_error([&] { read_safetensors(folder / "bad.safetensors"); });
    EXPECT_NE(message.find(bad.said), std::string::npos) << message;
    EXPECT_NE(message.find("bad.safetensors"), std::string::npos) << message;
  }
}

TEST(Safetensors, RefusesLyingLengthsAndOtherFiles) {
  const TemporaryFolder folder;
  const auto message_for = [&](const std::string& bytes) {
    put(folder / "bad", bytes);
    return one_line_error([&] { read_safetensors(folder / "bad"); });
  };
  for (const std::string& bytes :
       {std::string(), std::string(7, '\0'), std::string("\x20\0\0\0\0\0\0\0{}", 10),
        std::string(8, '\xFF') + "{}", std::string("\0\0\0\0\0\0\0\x10{}", 10),
        std::string("a letter, and not at all what it says on the cover\n")})
    EXPECT_NE(message_for(bytes).find("expected a safetensors file"), std::string::npos);
  const auto truth = R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})";
  auto bytes = file_with(truth, 1);
  EXPECT_EQ(message_for(bytes.substr(0, bytes.size() - 1)).find("truth"), std::string::npos);
  bytes.back() = '\2';
  EXPECT_NE(message_for(bytes).find("truth values"), std::string::npos);
  one_line_error([&] { read_safetensors(folder / "missing"); });
  one_line_error([&] { read_safetensors(folder.path()); });
}

// Whatever byte of a small file is wrong: read or refused, never anything else.
TEST(Safetensors, SurvivesAnyWrongByte) {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors["a"] = at::rand({3});
  file.tensors["b"] = at::ones({2}, at::kBool);
  file.metadata["k"] = "v";
  write_safetensors(folder / "a", file);
  const auto whole = content(folder / "a");
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int flip : {1, 2, 16, 128, 255}) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      put(folder / "b", bytes);
      try {
        read_safetensors(folder / "b");
      } catch (const Error&) {
        ++refused;
      }
    }
  EXPECT_GT(refused, 300);
}

TEST(Safetensors, RefusesWhatTheFormatDoesNotHold) {
  const TemporaryFolder folder;
  const auto message_for = [&](const std::string& name, const at::Tensor& tensor) {
    return one_line_error([&] { write_safetensors(folder / "a", {{{name, tensor}}, {}}); });
  };
  EXPECT_NE(message_for("a", at::zeros({2}, at::kComplexFloat)).find("ComplexFloat"),
            std::string::npos);
  message_for("a", at::Tensor());
  message_for("a", at::eye(2).to_sparse());
  message_for("__metadata__", at::zeros({2}));
  message_for("\xFF", at::zeros({2}));
  EXPECT_FALSE(fs::exists(folder / "a"));
}

}  // namespace
}  // namespace neurosplat
