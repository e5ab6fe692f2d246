#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>
#include <system_error>
#include <utility>

#include "data/patch_sources.h"
#include "neurosplat/core/content_hash.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/idx_file.h"
#include "neurosplat/io/npy_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t blocks = 10;
constexpr double block_share = 0.2;  // of each block, its last patches validate
constexpr std::int64_t digit_side = 28, digit_classes = 10;

std::uint64_t hash_of_tensor(const at::Tensor& tensor) {
  const auto whole = tensor.contiguous();
  return hash_of_bytes(whole.const_data_ptr(), whole.nbytes());
}

// Fewer of both parts alike, where fewer are asked for than the usual number, which takes all.
bool thin(const PatchRequest& request, PatchSet& set) {
  const auto train = set.train.size(0), total = train + set.validation.size(0);
  if (request.patches == PatchRequest::usual_patches || request.patches >= total) return false;
  const auto few = std::clamp<std::int64_t>(
      std::llround(static_cast<double>(train) * static_cast<double>(request.patches) /
                   static_cast<double>(total)),
      1, request.patches - 1);
  const auto take = [&](at::Tensor& patches, at::Tensor& labels, std::int64_t count,
                        std::uint64_t salt) {
    const auto rows = drawn_rows(patches.size(0), count, hash_of({request.seed, salt}));
    patches = patches.index_select(0, rows);
    if (labels.defined()) labels = labels.index_select(0, rows);
  };
  take(set.train, set.train_labels, few, 0);
  take(set.validation, set.validation_labels, request.patches - few, 1);
  return true;
}

std::string sizes_of(const PatchRequest& request, const PatchSet& set) {
  auto words = text(grouped(set.train.size(0)), " to train on, ", grouped(set.validation.size(0)),
                    " to validate with");
  if (request.patches != PatchRequest::usual_patches &&
      request.patches > set.train.size(0) + set.validation.size(0))
    words += text(", no more are there of the ", grouped(request.patches), " asked for");
  return words;
}

std::string digits_of(const PatchRequest& request, std::uint64_t contents, bool thinned) {
  if (!thinned) return hash_digits(contents);
  return hash_digits(
      hash_of({contents, static_cast<std::uint64_t>(request.patches), request.seed}));
}

at::Tensor checked_patches(const fs::path& path, std::int64_t side) {
  const auto refuse = [&](const std::string& got) {
    return Error(text("expected patches, float [N, ", side, ", ", side, "] or [N, ", side * side,
                      "], at ", path.string(), ", ", got));
  };
  const auto stored = read_npy(path);
  if (stored.numel() == 0) throw refuse("got none");
  const bool square = stored.dim() == 3 && stored.size(1) == side && stored.size(2) == side;
  const bool flat = stored.dim() == 2 && stored.size(1) == side * side;
  if (!at::isFloatingType(stored.scalar_type()) || !(square || flat))
    throw refuse(text("got ", stored.toString(), " ", stored.sizes(),
                      ": give that file's side, or another file"));
  const auto patches = stored.reshape({stored.size(0), side * side}).to(at::kDouble);
  const auto finite = at::isfinite(patches).all(1);
  const auto unfit = stored.size(0) - finite.sum().item<std::int64_t>();
  if (unfit > 0)
    throw refuse(text(grouped(unfit), " of ", grouped(stored.size(0)),
                      " hold numbers that are not finite: take those out"));
  const auto flats = patches.amax(1).eq(patches.amin(1)).sum().item<std::int64_t>();
  if (flats > 0)
    throw refuse(text(grouped(flats), " of ", grouped(stored.size(0)),
                      " are the same everywhere: take those out"));
  return patches;
}

// As the published loader splits: contiguous blocks, the last one takes what is left over, and of
// each the last fifth (rounded half to even) validates.
std::pair<at::Tensor, at::Tensor> block_rows(std::int64_t count) {
  std::vector<std::int64_t> train, validation;
  const auto block = count / blocks;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const auto first = b * block, end = b + 1 == blocks ? count : first + block;
    const auto held =
        static_cast<std::int64_t>(std::nearbyint(static_cast<double>(end - first) * block_share));
    for (auto row = first; row < end; ++row) (row < end - held ? train : validation).push_back(row);
  }
  return {at::tensor(train, at::kLong), at::tensor(validation, at::kLong)};
}

std::string first_there(const fs::path& folder, const std::string& name) {
  std::error_code failed;
  for (const auto& path : {folder / name, folder / (name + ".gz")})
    if (fs::is_regular_file(path, failed)) return path.string();
  return {};
}

struct Digits {
  at::Tensor pixels, labels;  // float32 [N, 784], int64 [N]
  std::uint64_t hash = 0;
};

at::Tensor read_labels(const std::string& path, std::int64_t count) {
  const auto labels = read_idx(path);
  if (labels.dim() != 1 || labels.size(0) != count ||
      labels.max().item<std::int64_t>() >= digit_classes)
    throw Error(text("expected ", count, " labels from 0 to 9 at ", path, ", got ", labels.sizes(),
                     " up to ", labels.max().item<std::int64_t>(), ": fetch both files again"));
  return labels.to(at::kLong);
}

Digits read_digits(const fs::path& folder, const std::string& part, const std::string& pictures) {
  const auto stored = read_idx(pictures);
  if (stored.dim() != 3 || stored.size(1) != digit_side || stored.size(2) != digit_side)
    throw Error(text("expected pictures of 28x28 pixels at ", pictures, ", got ", stored.sizes(),
                     ": fetch the file again"));
  Digits digits;
  digits.pixels =
      stored.reshape({stored.size(0), digit_side * digit_side}).to(at::kFloat).div_(255);
  digits.hash = hash_of_tensor(stored);
  if (const auto labels = first_there(folder, part + "-labels-idx1-ubyte"); !labels.empty()) {
    digits.labels = read_labels(labels, stored.size(0));
    digits.hash = hash_of({digits.hash, hash_of_tensor(digits.labels)});
  }
  return digits;
}

// Of ten thousand test digits alone the first eight thousand train.
void split_test_digits(const Digits& test, PatchSet& set) {
  const auto count = test.pixels.size(0), train = count * 4 / 5;
  if (train == 0)
    throw Error(text("expected two digits at least, to train and to validate, got ", count));
  set.train = test.pixels.narrow(0, 0, train).contiguous();
  set.validation = test.pixels.narrow(0, train, count - train).contiguous();
  if (!test.labels.defined()) return;
  set.train_labels = test.labels.narrow(0, 0, train).contiguous();
  set.validation_labels = test.labels.narrow(0, train, count - train).contiguous();
}

struct DigitFiles {
  fs::path folder;
  std::string train, test;
};

DigitFiles digit_files(const fs::path& root) {
  for (const auto& folder : {root, root / "mnist", root / "mnist-t10k"}) {
    DigitFiles files{folder, first_there(folder, "train-images-idx3-ubyte"),
                     first_there(folder, "t10k-images-idx3-ubyte")};
    if (!files.test.empty()) return files;
    if (!files.train.empty())
      throw Error(text("expected t10k-images-idx3-ubyte (or .gz) beside ", files.train,
                       " to validate with, found none: fetch it too"));
  }
  throw Error(
      text("expected t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz (and "
           "train-images-idx3-ubyte) in ",
           root.string(), ", its mnist or its mnist-t10k, found none"));
}

}  // namespace

PatchSet open_npy_patches(const PatchRequest& request) {
  const at::NoGradGuard no_gradients;
  std::error_code failed;
  const auto path =
      fs::is_directory(request.root, failed) ? request.root / "processed.npy" : request.root;
  const auto patches = checked_patches(path, request.side);
  // Of the whole array, as published.
  const auto [mean, deviation] = moments_of(patches);
  const auto standard = (patches - mean).div_(deviation);
  const auto [train, validation] = block_rows(patches.size(0));
  if (patches.size(0) < blocks || validation.numel() == 0)
    throw Error(text("expected patches enough for ", blocks, " blocks to train and to validate at ",
                     path.string(), ", got ", patches.size(0)));
  PatchSet set;
  set.side = request.side;
  set.train = standard.index_select(0, train).to(at::kFloat);
  set.validation = standard.index_select(0, validation).to(at::kFloat);
  set.hash = digits_of(request, hash_of_tensor(patches), thin(request, set));
  set.description = text("patches of ", set.side, "x", set.side, " px of ",
                         path.filename().string(), ", split in blocks: ", sizes_of(request, set));
  return set;
}

PatchSet open_mnist_patches(const PatchRequest& request) {
  const at::NoGradGuard no_gradients;
  if (request.side != digit_side && request.side != PatchRequest::usual_side)
    throw UsageError(text("expected MNIST's own side of 28 pixels, got ", request.side));
  const auto files = digit_files(request.root);
  const auto test = read_digits(files.folder, "t10k", files.test);
  PatchSet set;
  set.side = digit_side;
  set.unit_range = true;
  auto contents = test.hash;
  if (files.train.empty()) {
    split_test_digits(test, set);
  } else {
    const auto train = read_digits(files.folder, "train", files.train);
    set.train = train.pixels;
    set.train_labels = train.labels;
    set.validation = test.pixels;
    set.validation_labels = test.labels;
    contents = hash_of({contents, train.hash});
  }
  set.hash = digits_of(request, contents, thin(request, set));
  set.description = text("MNIST digits of 28x28 px: ", sizes_of(request, set));
  if (files.train.empty())
    set.description += ", both of the test file, the train file is not there";
  if (!set.train_labels.defined() || !set.validation_labels.defined())
    set.description += ", labels are missing";
  return set;
}

}  // namespace neurosplat
