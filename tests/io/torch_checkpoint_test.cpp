#include "neurosplat/io/torch_checkpoint.h"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "io/one_line.h"
#include "neurosplat/core/text.h"
#include "support/temporary_folder.h"

// LibTorch forgets its zip reader when the file turns out to be none.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:mz_zip_reader_init\nleak:mz_zip_reader_read_central_dir\n";
}

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

// Pickles by hand, opcode by opcode (Python's pickletools names them).
const std::string start = "\x80\x02";
const std::string ordered = "ccollections\nOrderedDict\n)R";

std::string str(const std::string& letters) {
  return text('X', static_cast<char>(letters.size()), std::string(3, '\0'), letters);
}

std::string number(int value) {
  return text('K', static_cast<char>(value));
}

std::string pair(int first, int second) {
  return text(number(first), number(second), '\x86');
}

std::string storage(const std::string& type, const std::string& key, const std::string& elements) {
  return text('(', str("storage"), "ctorch\n", type, '\n', str(key), str("cpu"), elements, "tQ");
}

std::string tensor(const std::string& from, const std::string& offset, const std::string& shape,
                   const std::string& strides) {
  return text("ctorch._utils\n_rebuild_tensor_v2\n(", from, offset, shape, strides, '\x89', ordered,
              "tR");
}

std::string inner_dictionary(const std::string& entries) {
  return text("}(", entries, 'u');
}

std::string dictionary(const std::string& entries) {
  return text(start, "}(", entries, "u.");
}

const std::string six_floats = storage("FloatStorage", "0", number(6));
const std::string good_tensor = tensor(six_floats, number(0), pair(2, 3), pair(3, 1));
const std::string good = dictionary(str("w") + good_tensor);

// An archive with that pickle and one record of six floats: 0 to 5.
void archive(const fs::path& path, const std::string& pickle,
             const std::string& byte_order = "little") {
  const std::vector<float> values = {0, 1, 2, 3, 4, 5};
  caffe2::serialize::PyTorchStreamWriter writer(path.string());
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  writer.writeRecord("byteorder", byte_order.data(), byte_order.size());
  writer.writeRecord("data/0", values.data(), values.size() * sizeof(float));
  writer.writeEndOfFile();
}

TEST(TorchCheckpoint, BuildsTensorsFromAPickleWrittenByHand) {
  const TemporaryFolder folder;
  archive(folder / "a.pt", good);
  auto read = read_torch_state_dict(folder / "a.pt");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_TRUE(read.at("w").equal(at::arange(6, at::kFloat).view({2, 3})));

  // Turned and offset views of the same storage, one of them recalled from the memo.
  const std::string turned = tensor(six_floats + "q\1", number(0), pair(3, 2), pair(1, 3));
  const std::string last = tensor("h\1", number(5), ")", ")");
  archive(folder / "b.pt", dictionary(str("turned") + turned + str("last") + last));
  read = read_torch_state_dict(folder / "b.pt");
  EXPECT_TRUE(read.at("turned").equal(at::arange(6, at::kFloat).view({2, 3}).t()));
  EXPECT_EQ(read.at("last").dim(), 0);
  EXPECT_EQ(read.at("last").item<float>(), 5.0F);
  EXPECT_TRUE(read.at("last").is_alias_of(read.at("turned")));

  archive(folder / "c.pt", start + "}.");
  EXPECT_TRUE(read_torch_state_dict(folder / "c.pt").empty());

  archive(folder / "d.pt", start + good_tensor + ".");
  read = read_torch_state_dict(folder / "d.pt");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_TRUE(read.at("").equal(at::arange(6, at::kFloat).view({2, 3})));
}

// Coordinates of a square grid are such views: S stored numbers, S x S elements.
TEST(TorchCheckpoint, ReadsViewsThatRepeatUpToABound) {
  const TemporaryFolder folder;
  const auto sides = [](int height, int width) {  // numbers of 16 bits
    const auto of = [](int n) {
      return text('M', static_cast<char>(n % 256), static_cast<char>(n / 256));
    };
    return of(height) + of(width) + "\x86";
  };
  const auto read = [&](const std::string& entries) {
    archive(folder / "a.pt", dictionary(entries));
    return read_torch_state_dict(folder / "a.pt");
  };
  const auto grid = read(str("x") + tensor(six_floats, number(0), sides(4096, 6), pair(0, 1)) +
                         str("y") + tensor(six_floats, number(0), sides(6, 4096), pair(1, 0)) +
                         str("late") + tensor(six_floats, number(4), sides(4096, 2), pair(0, 1)));
  const auto six = at::arange(6, at::kFloat);
  EXPECT_TRUE(grid.at("x").equal(six.expand({4096, 6})));
  EXPECT_TRUE(grid.at("y").equal(six.unsqueeze(1).expand({6, 4096})));
  EXPECT_TRUE(grid.at("late").equal(six.slice(0, 4).expand({4096, 2})));

  // 2^25 floats are as many bytes as one may have, and four of them all that a file may.
  const auto largest = tensor(six_floats, number(0), sides(8192, 4096), pair(0, 0));
  const auto four =
      str("a") + largest + str("b") + largest + str("c") + largest + str("d") + largest;
  EXPECT_EQ(read(four).at("d").numel(), std::int64_t{1} << 25U);
  const auto refused = [&](const std::string& entries) {
    return one_line_error([&] { read(entries); });
  };
  const auto too_large =
      refused(str("w") + tensor(six_floats, number(0), sides(8193, 4096), pair(0, 0)));
  EXPECT_NE(too_large.find("more than 134217728 bytes"), std::string::npos) << too_large;
  const auto too_many =
      refused(four + str("e") + tensor(six_floats, number(0), sides(4, 2), pair(0, 0)));
  EXPECT_NE(too_many.find("more than 536870912 bytes in all"), std::string::npos) << too_many;
}

// Epochs, learning rates and the state of an optimiser stand beside the weights.
TEST(TorchCheckpoint, FindsTheOneStateDictOfACheckpoint) {
  const TemporaryFolder folder;
  const std::string rate = text("G\x3F\xE0", std::string(6, '\0'));  // 0.5
  const auto state = inner_dictionary(number(0) + inner_dictionary(str("mean") + good_tensor));
  const auto optimiser =
      inner_dictionary(str("state") + state + str("rates") + text("](", rate, "Ne"));
  const auto weights = inner_dictionary(str("w") + good_tensor);
  archive(folder / "a.pt", dictionary(str("optimiser") + optimiser + str("epoch") + number(3) +
                                      str("loss") + rate + str("generator") + good_tensor +
                                      str("model") + weights + "q\1" + str("same") + "h\1"));
  const auto read = read_torch_state_dict(folder / "a.pt");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_TRUE(read.at("w").equal(at::arange(6, at::kFloat).view({2, 3})));
}

TEST(TorchCheckpoint, LeavesOutPrefixesOfWrappers) {
  const TemporaryFolder folder;
  const auto names = [&](const std::vector<std::string>& stored) {
    std::string entries;
    for (const auto& name : stored) entries += str(name) + good_tensor;
    archive(folder / "a.pt", dictionary(entries));
    std::vector<std::string> read;
    for (const auto& [name, tensor] : read_torch_state_dict(folder / "a.pt")) read.push_back(name);
    return read;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names({"module.a.w", "module.b"}), (Names{"a.w", "b"}));
  EXPECT_EQ(names({"module._orig_mod.a", "module._orig_mod.b"}), (Names{"a", "b"}));
  EXPECT_EQ(names({"module.a", "b"}), (Names{"b", "module.a"}));
}

struct BadPickle {
  const char* why;
  std::string pickle;
  const char* said;
};

std::vector<BadPickle> bad_pickles() {
  const auto of = [](const std::string& description) { return dictionary(str("w") + description); };
  const auto view = [&](const std::string& offset, const std::string& shape,
                        const std::string& strides) {
    return of(tensor(six_floats, offset, shape, strides));
  };
  const std::string huge = std::string("\x8a\x08") + std::string(7, '\0') + "\x40";  // 2^62
  const auto weights = inner_dictionary(str("w") + good_tensor);
  const std::string minus = std::string("J\xFF\xFF\xFF\xFF");
  return {
      {"runs a command", start + "cos\nsystem\n" + str("touch pwned") + "\x85R.", "os.system"},
      {"runs Python", start + "c__builtin__\neval\n" + str("1") + "\x85R.", "__builtin__.eval"},
      {"a near miss", start + "ctorch\nload\n)R.", "torch.load"},
      {"a name of two lines", start + "co\\s\x01\nsystem\n)R.", "o\\s\\x01.system"},
      {"element beyond", view(number(1), pair(2, 3), pair(3, 1)), "beyond its 6"},
      {"offset beyond", view(number(7), number(0) + "\x85", number(1) + "\x85"), "beyond its 6"},
      {"stride beyond", view(number(0), pair(2, 3), pair(4, 1)), "beyond its 6"},
      {"repeats beyond", view(number(1), pair(100, 6), pair(0, 1)), "beyond its 6"},
      {"repeats 2^62 times", view(number(0), huge + "\x85", number(0) + "\x85"),
       "repeats its 6 stored elements to more than 134217728 bytes"},
      {"huge shape", view(number(0), huge + huge + "\x86", pair(0, 0)), "repeats its 6"},
      {"huge stride", view(number(0), number(3) + "\x85", huge + "\x85"), "beyond its 6"},
      {"huge offset", view(huge, ")", ")"), "beyond its 6"},
      {"negative size", view(number(0), minus + "\x85", number(1) + "\x85"), "wrongly"},
      {"negative stride", view(number(5), number(6) + "\x85", minus + "\x85"), "wrongly"},
      {"too few strides", view(number(0), pair(2, 3), number(1) + "\x85"), "as many strides"},
      {"65 dimensions", view(number(0), text('(', std::string(65, 'N'), 't'), ")"), "more than 64"},
      {"larger storage", of(tensor(storage("FloatStorage", "0", number(7)), number(0), ")", ")")),
       "should have 7 elements"},
      {"smaller storage", of(tensor(storage("FloatStorage", "0", number(5)), number(0), ")", ")")),
       "should have 5 elements"},
      {"wider storage", of(tensor(storage("DoubleStorage", "0", number(6)), number(0), ")", ")")),
       "6 elements of 8 bytes"},
      {"huge storage", of(tensor(storage("FloatStorage", "0", huge), number(0), ")", ")")),
       "it has 24 bytes"},
      {"no truth values", of(tensor(storage("BoolStorage", "0", number(24)), number(0), ")", ")")),
       "truth values"},
      {"missing storage", of(tensor(storage("FloatStorage", "1", number(6)), number(0), ")", ")")),
       "no record data/1"},
      {"storage outside",
       of(tensor(storage("FloatStorage", "../data.pkl", number(6)), number(0), ")", ")")),
       "no record data/../data.pkl"},
      {"two types of a storage",
       of(good_tensor + str("v") +
          tensor(storage("IntStorage", "0", number(6)), number(0), ")", ")")),
       "differently"},
      {"unknown type", of(tensor(storage("QInt8Storage", "0", number(6)), number(0), ")", ")")),
       "torch.QInt8Storage"},
      {"storage of no type", start + "(" + str("storage") + "NNNNtQ.", "no known type"},
      {"no storage", of(tensor("N", number(0), ")", ")")), "wrongly"},
      {"tensor as storage", of(tensor(good_tensor, number(0), ")", ")")), "wrongly"},
      {"storage as entry", of(six_floats), "entry w is no tensor"},
      {"a dictionary two levels down",
       dictionary(str("run") + inner_dictionary(str("model") + weights)),
       "entry run is no tensor and no dictionary of tensors"},
      {"an empty dictionary", dictionary(str("model") + "}"), "entry model is no tensor"},
      {"two dictionaries", dictionary(str("ema") + weights + str("model") + weights),
       "several, ema and model"},
      {"number as entry", of(number(3)), "entry w is no tensor"},
      {"number as name", dictionary(number(3) + good_tensor), "other than text"},
      {"a list", start + "](" + good_tensor + "e.", "no dictionary"},
      {"calls a tuple", start + "))R.", "cannot be called"},
      {"calls with a list", start + "ccollections\nOrderedDict\n]R.", "cannot be called"},
      {"dictionary of pairs", start + "ccollections\nOrderedDict\n]\x85R.", "other than tensors"},
      {"storage called", start + "ctorch\nFloatStorage\n)R.", "other than tensors"},
      {"nothing", "", "cut short"},
      {"no end", start + "}", "cut short"},
      {"empty stack", start + ".", "more than it made"},
      {"underflow", start + "N\x87.", "more than it made"},
      {"below a mark", start + "N(\x85.", "more than it made"},
      {"no mark", start + "Nt.", "did not open"},
      {"nothing kept", start + "h\7.", "did not keep"},
      {"keeps nothing", start + "q\7.", "more than it made"},
      {"odd items", start + "}(Nu.", "other than a dictionary"},
      {"items of a tuple", start + ")(NNu.", "other than a dictionary"},
      {"longer tuple", start + ")Na.", "other than a list"},
      {"attributes of a number", start + "K\1}b.", "attributes"},
      {"text beyond the end",
       start + "X\xFF\xFF\xFF\xFF"
               "abc.",
       "cut short"},
      {"wide number", start + "\x8a\x09" + std::string(9, '\1') + ".", "64 bits"},
      {"half a float", start + "G" + std::string(7, '\0'), "cut short"},
      {"a float as size", view(number(0), "G" + std::string(8, '\0') + "\x85", number(0) + "\x85"),
       "wrongly"},
      {"text of older Python", start + "U\1a.", "operation 85"},
      {"another protocol", "\x80\x04}.", "protocol 2"},
      {"a million brackets", start + "N" + std::string(1'000'000, '\x85') + ".", "no dictionary"},
  };
}

TEST(TorchCheckpoint, RefusesBadPickles) {
  const TemporaryFolder folder;
  for (const auto& bad : bad_pickles()) {
    SCOPED_TRACE(bad.why);
    archive(folder / "bad.pt", bad.pickle);
    const auto message = one_line_error([&] { read_torch_state_dict(folder / "bad.pt"); });
    EXPECT_NE(message.find(bad.said), std::string::npos) << message;
    EXPECT_NE(message.find("bad.pt"), std::string::npos) << message;
  }
  EXPECT_FALSE(fs::exists("pwned"));
}

// A list that holds itself, and one dictionary as its own attributes, are odd but harmless.
TEST(TorchCheckpoint, SurvivesCircles) {
  const TemporaryFolder folder;
  archive(folder / "a.pt", start + "]q\1h\1a0.");
  one_line_error([&] { read_torch_state_dict(folder / "a.pt"); });
  archive(folder / "b.pt", start + "}q\1h\1b.");
  EXPECT_TRUE(read_torch_state_dict(folder / "b.pt").empty());
  archive(folder / "c.pt", start + "}q\1(" + str("w") + "h\1u.");
  one_line_error([&] { read_torch_state_dict(folder / "c.pt"); });
}

TEST(TorchCheckpoint, RefusesOtherFiles) {
  const TemporaryFolder folder;
  archive(folder / "good.pt", good);
  const auto whole = content(folder / "good.pt");
  put(folder / "empty.pt", "");
  put(folder / "text.pt", "a letter, not a checkpoint\nsecond line\n");
  put(folder / "half.pt", whole.substr(0, whole.size() / 2));
  put(folder / "cut.pt", whole.substr(0, whole.size() - 1));
  put(folder / "tail.pt", whole.substr(1));
  archive(folder / "big.pt", good, "big");
  {
    caffe2::serialize::PyTorchStreamWriter writer((folder / "other.pt").string());
    writer.writeRecord("letter", "hello", 5);
    writer.writeEndOfFile();
  }
  fs::create_directory(folder / "folder.pt");
  for (const auto* name : {"empty.pt", "text.pt", "half.pt", "cut.pt", "tail.pt", "big.pt",
                           "other.pt", "folder.pt", "missing.pt"}) {
    SCOPED_TRACE(name);
    const auto message = one_line_error([&] { read_torch_state_dict(folder / name); });
    EXPECT_NE(message.find(name), std::string::npos) << message;
    EXPECT_EQ(message.find("frame #"), std::string::npos) << message;
  }
  EXPECT_NE(one_line_error([&] { read_torch_state_dict(folder / "big.pt"); }).find("big-endian"),
            std::string::npos);
}

// A record that claims to unpack to more than the file holds.
TEST(TorchCheckpoint, RefusesPackedRecords) {
  const TemporaryFolder folder;
  const std::string zeros(1 << 20, '\0');
  {
    caffe2::serialize::PyTorchStreamWriter writer((folder / "bomb.pt").string());
    writer.writeRecord("data.pkl", zeros.data(), zeros.size(), true);
    writer.writeEndOfFile();
  }
  ASSERT_LT(fs::file_size(folder / "bomb.pt"), 10'000U);
  const auto message = one_line_error([&] { read_torch_state_dict(folder / "bomb.pt"); });
  EXPECT_NE(message.find("claims more bytes"), std::string::npos) << message;
}

// Reads a file that may be anything; an Error is fine, anything else ends the test.
bool is_read(const fs::path& path) {
  try {
    read_torch_state_dict(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(TorchCheckpoint, SurvivesWrongBytesInTheFile) {
  const TemporaryFolder folder;
  archive(folder / "good.pt", good);
  const auto whole = content(folder / "good.pt");
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    auto bytes = whole;
    bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    put(folder / "bad.pt", bytes);
    if (!is_read(folder / "bad.pt")) ++refused;
  }
  EXPECT_GT(refused, 500);
}

TEST(TorchCheckpoint, SurvivesWrongBytesInThePickle) {
  const TemporaryFolder folder;
  std::mt19937 random(8);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    auto pickle = good;
    for (auto changes = 1 + random() % 2; changes > 0; --changes)
      pickle[random() % pickle.size()] ^= static_cast<char>(1 + random() % 255);
    archive(folder / "bad.pt", pickle);
    if (!is_read(folder / "bad.pt")) ++refused;
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace neurosplat
