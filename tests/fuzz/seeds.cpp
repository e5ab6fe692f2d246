// Small sound files of every kind, from the writers that there are: fuzz_seeds FOLDER makes
// FOLDER/READER/seed-NAME. scripts/fuzz.sh begins with them.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <caffe2/serialize/inline_container.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/readers/deflated.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/io/picture_bytes.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/recordings/pvc1.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/saved_state.h"
#include "recordings/nwb_tables.h"

namespace neurosplat::fuzz {
namespace {

namespace fs = std::filesystem;

/// A literal with the zeros that it holds.
template <std::size_t kSize>
std::string raw(const char (&literal)[kSize]) {
  return {literal, kSize - 1};
}

class Seeds {
 public:
  explicit Seeds(fs::path root) : root_(std::move(root)) {}

  fs::path place(const std::string& reader, const std::string& name) const {
    fs::create_directories(root_ / reader);
    return root_ / reader / ("seed-" + name);
  }
  void put(const std::string& reader, const std::string& name, const std::string& bytes) const {
    std::ofstream(place(reader, name), std::ios::binary) << bytes;
  }

 private:
  fs::path root_;
};

at::Tensor drawn(at::IntArrayRef sizes) {
  return at::rand(sizes, at::detail::createCPUGenerator(7));
}

void write_tensors(const Seeds& seeds) {
  write_safetensors(seeds.place("safetensors", "all-types"),
                    {{{"a", drawn({2, 3})},
                      {"b", at::ones({3}, at::kBool)},
                      {"c", at::ones({1, 2}, at::kHalf)},
                      {"d", at::ones({}, at::kLong)},
                      {"e", at::ones({0, 4}, at::kBFloat16)},
                      {"f", at::ones({5}, at::kByte)}},
                     {{"kind", "seed"}, {"step", "12"}}});
  write_safetensors(seeds.place("safetensors", "empty"), {});
  GrowingNpy table(seeds.place("npy", "table"), 3);
  table.append(drawn({2, 3}).to(at::kDouble));
  table.commit();
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), }\n";
  seeds.put("npy", "version-2",
            raw("\x93NUMPY\2\0") + static_cast<char>(header.size()) + std::string(3, '\0') +
                header + "abcdef");
  seeds.put("idx", "matrix", raw("\0\0\x08\2\0\0\0\2\0\0\0\3abcdef"));
  seeds.put("idx", "packed", raw("G\0\0\x08\1\0\0\0\4abcd"));
}

void write_state_dicts(const Seeds& seeds) {
  const auto with_zeros = [](std::string said) {
    // Lengths of texts are four bytes: three of them are zero.
    std::string bytes;
    for (std::size_t i = 0; i < said.size(); ++i) {
      bytes += said[i];
      if (said[i] == 'X' && i + 1 < said.size() && said[i + 1] < 16) {
        bytes += said[++i];
        bytes += std::string(3, '\0');
      }
    }
    return bytes;
  };
  const std::string storage =
      "(X\7storagectorch\nFloatStorage\nX\1"
      "0X\3"
      "cpuK\x10tQ";
  const std::string tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + "q\1" +
                             "K\1K\2K\3\x86K\3K\1\x86\x89"
                             "ccollections\nOrderedDict\n)RtR";
  const auto pickle = with_zeros("\x80\2}(X\1w" + tensor + "q\2X\1vh\2u.");
  seeds.put("torch_pickle", "state-dict", pickle);
  caffe2::serialize::PyTorchStreamWriter zip(seeds.place("torch_zip", "state-dict").string());
  const std::string sixteen_floats(64, '\0');
  zip.writeRecord("data.pkl", pickle.data(), pickle.size());
  zip.writeRecord("data/0", sixteen_floats.data(), sixteen_floats.size());
  zip.writeEndOfFile();
  seeds.put("torch_pickle", "checkpoint",
            with_zeros("\x80\2}(X\5modelccollections\nOrderedDict\n)R(X\1w" + tensor +
                       "uX\5epochK\5X\2lrG\x3f\xe0") +
                std::string(6, '\0') + with_zeros("X\4list](K\1NeX\3oneM\1\2u."));
}

void write_pictures(const Seeds& seeds) {
  const auto picture = drawn({3, 4, 5});
  for (const char* reader : {"picture", "picture_header"}) {
    seeds.put(reader, "png", encode_png(picture));
    seeds.put(reader, "jpeg", encode_jpeg(picture));
    auto bmp = raw("BM\x4e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\3\0\0\0\1\0\x18\0");
    bmp += std::string(24, '\0') + std::string(24, 'x');
    seeds.put(reader, "bmp", bmp);
    auto webp =
        raw("RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\7\0");
    seeds.put(reader, "webp", webp);
  }
}

Crossings crossings(std::int64_t count) {
  return {std::vector<double>(static_cast<std::size_t>(count), 0.5),
          at::ones({count, kSnippetSamples}, at::kChar)};
}

void write_recordings(const Seeds& seeds) {
  const auto path = seeds.place("mat", "pvc1");
  write_pvc1(
      path,
      {2, {{0, 0, 0, {crossings(1), crossings(0)}}, {0, 0, 1, {crossings(0), crossings(2)}}}});
  // What the writer packs, as it lies in an unpacked file; mat.cpp packs it again behind a 'C'.
  constexpr std::size_t header = 128, tag = 8;
  std::ifstream in(path, std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(in), {}};
  std::string element(1U << 16U, '\0');
  auto length = static_cast<uLongf>(element.size());
  uncompress(reinterpret_cast<Bytef*>(element.data()), &length,
             reinterpret_cast<const Bytef*>(packed.data() + header + tag),
             static_cast<uLong>(packed.size() - header - tag));
  auto plain = packed.substr(0, header) + element.substr(0, length);
  seeds.put("mat", "pvc1-plain", plain);
  plain.front() = 'C';
  seeds.put("mat", "pvc1-packed", plain);
  std::string numbers = "MATLAB 5.0 MAT-file";
  numbers.resize(124, ' ');
  numbers += raw("\0\1IM");
  numbers += raw(
      "\x0e\0\0\0\x38\0\0\0\6\0\0\0\x08\0\0\0\x09\0\0\0\0\0\0\0\5\0\0\0\x08\0\0\0\1\0\0\0\3\0\0\0");
  numbers += raw("\1\0\0\0\5\0\0\0trnid\0\0\0\2\0\3\0\1\2\3\0");
  seeds.put("mat", "integers", numbers);
  seeds.put("number_table", "counts", "1,2,3\n0,1,0\r\n\n4, 5 ,6\n");
  seeds.put("number_table", "pandas", ",unit 1,unit 2\n0,1,2\n1,3,4\n");
  seeds.put("number_table", "trials", "trial,picture\n0,3\n1,-1\n2,0\n");
}

/// As small as one can be: the ordinary writer makes room for many spikes.
void write_small_nwb(const fs::path& path) {
  hdf5::NwbTables file(path, "seed", 1);
  file.attribute("/", "nwb_version", "2.7.0");
  file.scalar("/identifier", "seed");
  file.scalar("/session_start_time", "2019-01-01T00:00:00+00:00");
  const std::vector<std::int64_t> two = {1, 2}, frames = {0, -1};
  file.group("/general");
  file.group("/general/extracellular_ephys");
  file.table("/general/extracellular_ephys/electrodes", "DynamicTable", "e", {"location"}, two);
  file.column("/general/extracellular_ephys/electrodes/location", "l",
              std::vector<std::string>{"VISp", "VISl"});
  file.truth_column("/general/extracellular_ephys/electrodes/valid_data", "v",
                    std::vector<std::int8_t>{1, 0});
  file.table("/units", "Units", "u", {"spike_times"}, two);
  file.column("/units/peak_channel_id", "p", two);
  file.column("/units/snr", "s", std::vector<double>{2, 3});
  file.column("/units/quality", "q", std::vector<std::string>{"good", "noise"});
  file.column("/units/spike_times", "t", std::vector<double>{0.1, 0.2, 0.3, 0.15});
  file.index("/units/spike_times", std::vector<std::uint64_t>{3, 4});
  file.group("/intervals");
  file.table("/intervals/a_presentations", "TimeIntervals", "i", {"start_time"}, two);
  file.column("/intervals/a_presentations/start_time", "s", std::vector<double>{0.1, 0.2});
  file.column("/intervals/a_presentations/stop_time", "s", std::vector<double>{0.2, 0.3});
  file.column("/intervals/a_presentations/frame", "f", frames);
  file.close();
}

/// A dataset in place of one that there was, in packed chunks.
void pack(const fs::path& path, const std::string& dataset, hid_t type, hid_t given, hsize_t count,
          const void* values) {
  const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  H5Ldelete(file.get(), dataset.c_str(), H5P_DEFAULT);
  const hdf5::Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  const hdf5::Handle options(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  const hsize_t chunk = 2;
  H5Pset_chunk(options.get(), 1, &chunk);
  H5Pset_deflate(options.get(), 4);
  const hdf5::Handle set(H5Dcreate2(file.get(), dataset.c_str(), type, space.get(), H5P_DEFAULT,
                                    options.get(), H5P_DEFAULT),
                         H5Dclose);
  H5Dwrite(set.get(), given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
}

void write_sessions(const Seeds& seeds) {
  write_small_nwb(seeds.place("nwb", "small"));
  const auto packed = seeds.place("nwb", "packed");
  write_small_nwb(packed);
  const double spikes[] = {0.1, 0.2, 0.3, 0.15};
  pack(packed, "/units/spike_times", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 4, spikes);
  const hdf5::Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text.get(), H5T_VARIABLE);
  const char* words[] = {"good", "noise"};
  pack(packed, "/units/quality", text.get(), text.get(), 2, words);
}

void write_checkpoint(const Seeds& seeds) {
  const auto folder = seeds.place("checkpoint", "run");
  const auto weight = at::zeros({2, 3}, at::TensorOptions(at::kFloat)).requires_grad_();
  Optimiser optimiser({{"w", weight}},
                      {.kind = OptimiserKind::adamw, .accumulate = 2, .average = 0.9});
  for (int batch = 0; batch < 3; ++batch) optimiser.backward_and_step(weight.add(1).square().sum());
  TensorFile state;
  add_weights(state, {{"w", weight}});
  optimiser.save(state);
  add_noise(state, at::detail::createCPUGenerator(1));
  state.metadata["kind"] = "splat-vae";
  const CheckpointFolder checkpoints(folder);
  checkpoints.save(state, {.epoch = 1, .batch = 2, .step = 3, .sums = {{"loss", 0.5}}});
  fs::copy_file(checkpoints.newest(), seeds.place("checkpoint", "whole"),
                fs::copy_options::overwrite_existing);
  fs::remove_all(folder);
}

void write_texts(const Seeds& seeds) {
  seeds.put(
      "configuration", "some",
      R"({"workers": 8, "lr": 0.001, "split-seed": 64, "flip": false, "dataset": "folder",)"
      R"("splits": ["train"], "data": "x", "epochs": 20, "memory_gib": 1e0, "device": "cpu"})");
  const auto picture = to_base64(encode_png(drawn({3, 2, 2})));
  seeds.put("service_message", "latent",
            R"({"type": "waveform_latent", "session_id": "xyz123", "payload": [0.5, -1, 2e0]})");
  seeds.put("service_message", "picture",
            R"({"session_id": "a", "image_base64": "data:image/png;base64,)" + picture + "\"}");
  const std::string list = "[1.0,2.0,3.5]";
  const auto packed =
      deflated({reinterpret_cast<const std::uint8_t*>(list.data()), list.size()}, kZlib);
  seeds.put("service_message", "packed",
            R"({"payload": {"waveform_latent": ")" +
                to_base64({reinterpret_cast<const char*>(packed.data()), packed.size()}) +
                R"("}, "metadata": {"user_id": "u", "n": 7}})");
  const std::string greeting =
      "GET /echo?token=a%20b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  seeds.put("web_client", "request",
            "GET /page HTTP/1.1\r\nHost: localhost:1\r\nAuthorization: Bearer a\r\n\r\n");
  seeds.put("web_client", "frames",
            greeting + raw("\x81\x83\1\2\3\4\x60\x60\x60\x82\x81\0\0\0\0z\x89\x80\1\2\3\4\x88\x82\0"
                           "\0\0\0\3\xe8"));
  seeds.put("web_client", "fragments", greeting + raw("\1\x81\0\0\0\0a\x80\xfe\0\1\0\0\0\0b"));
}

}  // namespace
}  // namespace neurosplat::fuzz

int main(int count, char** words) {
  using namespace neurosplat::fuzz;
  if (count != 2) {
    std::fputs("fuzz_seeds: expected one folder to write to\n", stderr);
    return 2;
  }
  const Seeds seeds(words[1]);
  write_tensors(seeds);
  write_state_dicts(seeds);
  write_pictures(seeds);
  write_recordings(seeds);
  write_sessions(seeds);
  write_checkpoint(seeds);
  write_texts(seeds);
}
