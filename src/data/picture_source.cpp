#include "neurosplat/data/picture_source.h"

#include <array>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "data/sources.h"
#include "neurosplat/core/content_hash.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::array<std::pair<DatasetKind, std::string_view>, 7> kKinds = {{
    {DatasetKind::flowers, "flowers"},
    {DatasetKind::flowers_large, "flowers-large"},
    {DatasetKind::celeba, "celeba"},
    {DatasetKind::cifar10, "cifar10"},
    {DatasetKind::folder, "folder"},
    {DatasetKind::smoke, "smoke"},
    {DatasetKind::synthetic, "synthetic"},
}};

constexpr std::array<std::string_view, 3> split_names = {"train", "val", "test"};

void check_splits(const std::vector<std::string>& splits) {
  if (splits.empty()) throw UsageError("expected a split (train, val or test), got none");
  std::set<std::size_t> seen;
  for (const auto& split : splits)
    if (!seen.insert(split_index(split)).second)
      throw UsageError(text("expected each split once, got ", split, " twice"));
}

std::unique_ptr<PictureSource> open_kind(const PictureRequest& request) {
  switch (request.kind) {
    case DatasetKind::flowers:
      return open_flowers(request);
    case DatasetKind::flowers_large:
      return open_flowers_large(request);
    case DatasetKind::celeba:
      return open_celeba(request);
    case DatasetKind::cifar10:
      return open_cifar10(request);
    case DatasetKind::folder:
      return open_split_folder(request);
    case DatasetKind::smoke:
    case DatasetKind::synthetic:
      return open_generated(request);
  }
  throw UsageError("expected a known data set");
}

}  // namespace

DatasetKind dataset_from_name(const std::string& name) {
  std::string known;
  for (const auto& [kind, kind_name] : kKinds) {
    if (name == kind_name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(kind_name);
  }
  throw UsageError(text("expected a data set, one of ", known, ", got '", name, "'"));
}

std::string name_of(DatasetKind kind) {
  for (const auto& [known, name] : kKinds)
    if (known == kind) return std::string(name);
  throw UsageError("expected a known data set");
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const auto& [kind, name] : kKinds) names.emplace_back(name);
  return names;
}

std::string PictureSource::list_hash() const {
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  const auto take = [&hash](std::string_view bytes) {
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  };
  for (std::int64_t i = 0; i < size(); ++i) {
    take(name(i));
    take(text('\0', file_bytes(i), '\0'));
  }
  return hash_digits(hash);
}

std::size_t split_index(const std::string& split) {
  for (std::size_t i = 0; i < split_names.size(); ++i)
    if (split == split_names[i]) return i;
  throw UsageError(text("expected a split, one of train, val, test, got '", split, "'"));
}

std::string joined(const std::vector<std::string>& splits) {
  std::string all;
  for (const auto& split : splits) all += (all.empty() ? "" : "+") + split;
  return all;
}

std::int64_t count_shared(const PictureSource& these, const PictureSource& those) {
  std::unordered_set<std::string> known;
  for (std::int64_t i = 0; i < those.size(); ++i) known.insert(those.identity(i));
  std::int64_t shared = 0;
  for (std::int64_t i = 0; i < these.size(); ++i) shared += known.contains(these.identity(i));
  return shared;
}

std::unique_ptr<PictureSource> open_pictures(const PictureRequest& request) {
  check_splits(request.splits);
  auto source = open_kind(request);
  if (source->size() == 0)
    throw Error(text("expected pictures in the split ", joined(request.splits), " of ",
                     name_of(request.kind), ", it has none: ask for another split"));
  return source;
}

}  // namespace neurosplat
