#include "neurosplat/recordings/pvc1.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/mat_value.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMost = 1 << 20;

/// Which of a condition's values are the movie's and the segment's; negative where they are none.
struct Places {
  std::int64_t movie = -1, segment = -1;
};

Places places_in(const MatValue& symbols) {
  Places places;
  if (!symbols.is_cell()) return places;
  for (std::int64_t i = 0; i < symbols.size(); ++i) {
    const auto name = symbols.cell(i).string();
    if (name == "movie_id") places.movie = i;
    if (name == "segment_id") places.segment = i;
  }
  return places;
}

/// `values` is a cell array or a vector.
std::int64_t id_in(const MatValue& values, std::int64_t place) {
  if (values.is_cell()) return values.cell(place).integer(0, 999);
  const auto numbers = values.numbers().to(at::kDouble).flatten();
  if (place >= numbers.numel()) throw Error("pepANA: fewer values than symbols of a condition");
  const auto id = numbers[place].item<double>();
  if (!(id >= 0 && id <= 999) || id != std::floor(id)) {
    throw Error(text("pepANA: expected a whole number of a movie or segment, 0 to 999, got ", id));
  }
  return static_cast<std::int64_t>(id);
}

/// Times rise by nature; a file may say otherwise.
Crossings in_order(const at::Tensor& seconds, at::Tensor waveforms) {
  const auto [sorted, order] = seconds.sort(/*stable=*/true, /*dim=*/0, /*descending=*/false);
  const auto* first = sorted.const_data_ptr<double>();
  return {std::vector<double>(first, first + sorted.numel()), waveforms.index_select(0, order)};
}

Crossings crossings_of(const MatValue& channel) {
  // Nothing crossed: some files hold an empty matrix, some two.
  if (channel.size() == 0) return {{}, at::empty({0, kSnippetSamples}, at::kChar)};
  const auto times = channel.cell(0), shapes = channel.cell(1);
  if (times.size() == 0) return {{}, at::empty({0, kSnippetSamples}, at::kChar)};
  const auto seconds = times.numbers().to(at::kDouble).flatten();
  const auto waveforms = shapes.numbers();
  if (waveforms.scalar_type() != at::kChar || waveforms.dim() != 2 ||
      waveforms.size(0) != seconds.numel() || waveforms.size(1) != kSnippetSamples) {
    throw Error(text("pepANA: expected waveforms int8 ", kSnippetSamples, " x ", seconds.numel(),
                     ", one for each time, got ", waveforms.scalar_type(), ' ', waveforms.sizes()));
  }
  if (!seconds.isfinite().all().item<bool>()) throw Error("pepANA: a time that is not finite");
  return in_order(seconds, waveforms);
}

Presentation presentation_of(const MatValue& repeat, std::int64_t electrodes) {
  const auto data = repeat.field("data");
  Presentation shown{0, 0, 0, {}};
  for (std::int64_t channel = 0; channel < electrodes; ++channel) {
    shown.electrodes.push_back(crossings_of(data.cell(channel)));
  }
  return shown;
}

void add_condition(Recording& recording, const MatValue& condition) {
  const auto places = places_in(condition.field("symbols"));
  if (places.movie < 0 || places.segment < 0) return;
  const auto values = condition.field("values");
  const auto movie = id_in(values, places.movie), segment = id_in(values, places.segment);
  const auto repeats = condition.field("noRepeats").integer(1, kMost);
  const auto repeat = condition.field("repeat");
  for (std::int64_t i = 0; i < repeats; ++i) {
    // One repeat is a struct of its own.
    auto shown = presentation_of(repeat.is_struct() && repeats == 1 ? repeat : repeat.cell(i),
                                 recording.electrodes);
    shown.movie = movie;
    shown.segment = segment;
    shown.repeat = i;
    recording.presentations.push_back(std::move(shown));
  }
}

}  // namespace

std::int64_t frame_answered(double seconds, double rate, double latency) {
  // The product of a frame's own onset must not fall below its number by rounding.
  return static_cast<std::int64_t>(std::floor((seconds - latency) * rate + 1e-9));
}

Recording read_pvc1(const fs::path& file) {
  const auto root = MatValue::read(file, "pepANA");
  const auto conditions = root.field("listOfResults");
  const auto count = root.field("no_conditions").integer(1, kMost);
  Recording recording;
  recording.electrodes = root.field("elec_list").size();
  if (recording.electrodes < 1)
    throw Error(text(file.string(), ": expected electrodes, found none"));
  for (std::int64_t i = 0; i < count; ++i) add_condition(recording, conditions.cell(i));
  if (recording.presentations.empty()) {
    throw Error(text(file.string(), ": expected conditions that show movies, found none"));
  }
  return recording;
}

std::vector<fs::path> pvc1_recordings(const fs::path& root) {
  const auto inner = root / "crcns-ringach-data";
  const auto folder = (fs::is_directory(inner) ? inner : root) / "neurodata";
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->path().extension() == ".mat" && entry->is_regular_file(failed)) {
      files.push_back(entry->path());
    }
  }
  if (files.empty()) {
    throw Error(text("expected recordings as ", (folder / "ANIMAL/FILE.mat").string(),
                     ", found none: unpack pvc-1 of CRCNS there"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace neurosplat
