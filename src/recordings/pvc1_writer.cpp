#include <ATen/Functions.h>
#include <matio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/recordings/pvc1.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

matvar_t* made(matvar_t* value) {
  if (value == nullptr) throw Error("a recording cannot be written: out of memory");
  return value;
}

matvar_t* number(double value) {
  std::array<std::size_t, 2> one = {1, 1};
  return made(Mat_VarCreate(nullptr, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, one.data(), &value, 0));
}

matvar_t* row_of(const std::vector<double>& values) {
  std::array<std::size_t, 2> shape = {1, values.size()};
  return made(Mat_VarCreate(nullptr, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, shape.data(),
                            const_cast<double*>(values.data()), 0));
}

matvar_t* characters(const std::string& value) {
  std::array<std::size_t, 2> shape = {1, value.size()};
  return made(Mat_VarCreate(nullptr, MAT_C_CHAR, MAT_T_UTF8, 2, shape.data(),
                            const_cast<char*>(value.data()), 0));
}

/// The library takes the values over.
matvar_t* cells(std::vector<matvar_t*> values) {
  std::array<std::size_t, 2> shape = {1, values.size()};
  return made(Mat_VarCreate(nullptr, MAT_C_CELL, MAT_T_CELL, 2, shape.data(), values.data(), 0));
}

matvar_t* structure(const char* name,
                    const std::vector<std::pair<const char*, matvar_t*>>& fields) {
  std::array<std::size_t, 2> one = {1, 1};
  std::vector<const char*> names;
  for (const auto& field : fields) names.push_back(field.first);
  auto* made_struct = made(
      Mat_VarCreateStruct(name, 2, one.data(), names.data(), static_cast<unsigned>(names.size())));
  for (const auto& [field, value] : fields) {
    Mat_VarSetStructFieldByName(made_struct, field, 0, value);
  }
  return made_struct;
}

matvar_t* channel_of(const Crossings& crossings) {
  const auto waveforms = crossings.waveforms.contiguous();
  std::array<std::size_t, 2> shape = {static_cast<std::size_t>(kSnippetSamples),
                                      crossings.seconds.size()};
  auto* shapes = made(Mat_VarCreate(nullptr, MAT_C_INT8, MAT_T_INT8, 2, shape.data(),
                                    const_cast<void*>(waveforms.const_data_ptr()), 0));
  return cells({row_of(crossings.seconds), shapes});
}

matvar_t* repeat_of(const Presentation& shown) {
  std::vector<matvar_t*> channels;
  for (const auto& electrode : shown.electrodes) channels.push_back(channel_of(electrode));
  return structure(nullptr, {{"data", cells(std::move(channels))}});
}

matvar_t* condition_of(std::int64_t index, const std::vector<const Presentation*>& repeats) {
  std::vector<matvar_t*> each;
  for (const auto* shown : repeats) each.push_back(repeat_of(*shown));
  const auto count = static_cast<double>(each.size());
  auto* repeat = each.size() == 1 ? each.front() : cells(std::move(each));
  const auto& first = *repeats.front();
  return structure(nullptr, {{"condition", number(static_cast<double>(index + 1))},
                             {"symbols", cells({characters("movie_id"), characters("segment_id")})},
                             {"values", cells({number(static_cast<double>(first.movie)),
                                               number(static_cast<double>(first.segment))})},
                             {"noRepeats", number(count)},
                             {"repeat", repeat}});
}

}  // namespace

void write_pvc1(const fs::path& file, const Recording& recording) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<const Presentation*>> conditions;
  for (const auto& shown : recording.presentations) {
    conditions[{shown.movie, shown.segment}].push_back(&shown);
  }
  std::vector<matvar_t*> results;
  for (auto& [ids, repeats] : conditions) {
    std::sort(repeats.begin(), repeats.end(),
              [](const auto* one, const auto* other) { return one->repeat < other->repeat; });
    results.push_back(condition_of(std::ssize(results), repeats));
  }
  std::vector<double> electrodes;
  for (std::int64_t i = 0; i < recording.electrodes; ++i) {
    electrodes.push_back(static_cast<double>(i + 1));
  }
  const auto count = static_cast<double>(results.size());
  const std::unique_ptr<matvar_t, void (*)(matvar_t*)> root(
      structure("pepANA", {{"no_conditions", number(count)},
                           {"elec_list", row_of(electrodes)},
                           {"listOfResults", cells(std::move(results))}}),
      Mat_VarFree);
  // The library writes to a path of its own, not to a sink.
  std::string part = (fs::temp_directory_path() / "neurosplat-pvc1-XXXXXX").string();
  const int made_file = ::mkstemp(part.data());
  if (made_file < 0) throw Error(text(part, ": cannot be written"));
  ::close(made_file);
  const std::unique_ptr<const std::string, void (*)(const std::string*)> removed(
      &part, [](const std::string* path) { std::remove(path->c_str()); });
  {
    const std::unique_ptr<mat_t, int (*)(mat_t*)> out(
        Mat_CreateVer(part.c_str(), nullptr, MAT_FT_MAT5), Mat_Close);
    if (out == nullptr || Mat_VarWrite(out.get(), root.get(), MAT_COMPRESSION_ZLIB) != 0) {
      throw Error(text(part, ": cannot be written"));
    }
  }
  std::ifstream in(part, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  write_file_atomically(file, std::string_view(bytes));
}

}  // namespace neurosplat
