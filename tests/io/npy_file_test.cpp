#include "neurosplat/io/npy_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using testing::TemporaryFolder;

/// A file as NumPy lays it out, its parts free to be wrong.
struct Npy {
  std::string magic = "\x93NUMPY";
  char major = 1, minor = 0;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
  std::int64_t claimed = -1;  ///< header length, when it is not the true one
  std::string payload = std::string(24, '\0');

  std::string bytes() const {
    const auto length = static_cast<std::uint64_t>(
        claimed < 0 ? static_cast<std::int64_t>(header.size()) : claimed);
    std::string digits;
    for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
      digits += static_cast<char>(length >> (8 * i) & 255U);
    }
    return magic + major + minor + digits + header + payload;
  }
};

class NpyFile : public ::testing::Test {
 protected:
  at::Tensor read(const std::string& bytes) {
    std::ofstream(folder_ / "a.npy", std::ios::binary) << bytes;
    return read_npy(folder_ / "a.npy");
  }

  void expect_refusal(const Npy& file, const std::string& part) {
    try {
      read(file.bytes());
      ADD_FAILURE() << "taken: " << part;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(part), std::string::npos) << message;
      EXPECT_NE(message.find("a.npy"), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  TemporaryFolder folder_;
};

TEST_F(NpyFile, ReadsWhatNumPyWrites) {
  const auto python = testing::python_with("numpy");
  if (!python) GTEST_SKIP() << "no Python with numpy";
  const std::string code =
      "import numpy as np, sys; d = sys.argv[1]\n"
      "a = np.arange(24).reshape(2, 3, 4)\n"
      "for t in ('f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1'): np.save(f'{d}/{t}.npy', "
      "a.astype(t))\n"
      "np.save(f'{d}/b1.npy', a % 2 == 0)\n"
      "np.save(f'{d}/scalar.npy', np.float64(2.5)); np.save(f'{d}/line.npy', np.arange(5.0))\n"
      "np.save(f'{d}/empty.npy', np.zeros((0, 3)))\n"
      "for v in ((2, 0), (3, 0)):\n"
      "  with open(f'{d}/v{v[0]}.npy', 'wb') as f: np.lib.format.write_array(f, a, v)\n"
      "np.save(f'{d}/fortran.npy', np.asfortranarray(a)); np.save(f'{d}/big.npy', "
      "a.astype('>f8'))\n"
      "np.save(f'{d}/object.npy', np.array([{}]), allow_pickle=True)\n";
  const auto run = testing::run_command({*python, "-c", code, folder_.path().string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = at::arange(24, at::kDouble).view({2, 3, 4});
  for (const char* name : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "v2", "v3"}) {
    const auto tensor = read_npy(folder_ / (std::string(name) + ".npy"));
    EXPECT_TRUE(tensor.to(at::kDouble).equal(expected)) << name;
  }
  EXPECT_EQ(read_npy(folder_ / "f2.npy").scalar_type(), at::kHalf);
  EXPECT_EQ(read_npy(folder_ / "i2.npy").scalar_type(), at::kShort);
  EXPECT_TRUE(read_npy(folder_ / "b1.npy").equal(expected.remainder(2).eq(0)));
  EXPECT_EQ(read_npy(folder_ / "scalar.npy").item<double>(), 2.5);
  EXPECT_EQ(read_npy(folder_ / "line.npy").sizes(), at::IntArrayRef({5}));
  EXPECT_EQ(read_npy(folder_ / "empty.npy").sizes(), at::IntArrayRef({0, 3}));
  for (const char* name : {"fortran.npy", "big.npy", "object.npy"}) {
    EXPECT_THROW(read_npy(folder_ / name), Error) << name;
  }
}

TEST_F(NpyFile, RefusesDamagedFiles) {
  EXPECT_EQ(read(Npy{}.bytes()).sizes(), at::IntArrayRef({2, 3}));
  expect_refusal({.magic = "\x93NUMPX"}, "does not start");
  expect_refusal({.major = 4}, "format 4.0");
  expect_refusal({.major = 0}, "format 0.0");
  expect_refusal({.minor = 7}, "format 1.7");
  expect_refusal({.claimed = 65535}, "header of 65535");
  expect_refusal({.major = 2, .claimed = 0x7fffffff}, "header of 2147483647");
  expect_refusal({.claimed = 3}, "");
  expect_refusal({.payload = std::string(23, '\0')}, "claims 24 bytes");
  expect_refusal({.payload = std::string(25, '\0')}, "claims 24 bytes");
  const auto header = [](const std::string& words) { return Npy{.header = words}; };
  expect_refusal(header(""), "where {");
  expect_refusal(header("{'descr': '<f4', 'fortran_order': False}"), "lacks");
  expect_refusal(header("{'descr': '|O', 'fortran_order': False, 'shape': (6,)}"), "type |O");
  expect_refusal(header("{'descr': '>f4', 'fortran_order': False, 'shape': (6,)}"), "type >f4");
  expect_refusal(header("{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}"), "Fortran");
  expect_refusal(header("{'descr': '<f4', 'fortran_order': False, 'shape': (6)}"), "tuple");
  expect_refusal(header("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}"), "size");
  expect_refusal(header("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'a': 1}"),
                 "unknown key");
  expect_refusal(header("{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}"), "twice");
  expect_refusal(header("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x"), "closing");
  expect_refusal(header("{'descr': '<f4"), "quotes");
  expect_refusal(
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,)}"),
      "more numbers");
  expect_refusal(
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"), "63");
  const std::string twos = "2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, ";
  expect_refusal(header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + twos + twos + twos +
                        twos + ")}"),
                 "");
}

TEST_F(NpyFile, RefusesEveryCut) {
  const auto whole = Npy{}.bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(read(whole.substr(0, length)), Error) << length;
  }
  EXPECT_THROW(read_npy(folder_.path()), Error);
  EXPECT_THROW(read_npy(folder_ / "absent.npy"), Error);
}

}  // namespace
}  // namespace neurosplat
