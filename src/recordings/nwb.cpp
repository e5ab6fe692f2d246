#include "neurosplat/recordings/nwb.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "recordings/hdf5_file.h"
#include "recordings/nwb_units.h"
#include "recordings/plain_column.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

/// Numbers in one read, 1 MiB, and spikes of other units that are rather read over than skipped.
constexpr std::uint64_t kPiece = 1U << 17U, kGap = 1U << 16U;
/// The same past HDF5, 256 KiB: what was read is still in the processor's cache when it is looked
/// through.
constexpr std::uint64_t kPlainPiece = 1U << 15U;
/// Seconds by which presentations may overlap: clocks' jitter.
constexpr double kOverlap = 1e-4;

hdf5::Column spikes_of(const hdf5::File& file) {
  return file.number_column(kSpikeTimes);
}

/// Refuses what is not NWB 2 before anything is looked for in it.
std::string version_of(const hdf5::File& file) {
  const auto version = file.attribute("/", "nwb_version");
  if (!version || !version->starts_with("2.")) {
    file.fail("attribute nwb_version",
              text("expected 2.x, got ", printable(version.value_or("none")),
                   ": convert the file to NWB 2"));
  }
  return *version;
}

}  // namespace

struct NwbFile::Content {
  explicit Content(const fs::path& path)
      : file(path),
        version(version_of(file)),
        identifier(file.scalar_text("/identifier")),
        start_time(file.has("/session_start_time") ? file.scalar_text("/session_start_time") : ""),
        spikes(spikes_of(file)),
        units(read_nwb_units(file, spikes)),
        plain(hdf5::PlainColumn::find(file, spikes)) {}

  void check_rising(std::size_t unit, double before, std::span<const double> seconds) const;
  void visit_run(std::span<const std::size_t> units, std::span<const std::size_t> run,
                 std::vector<double>& piece, const SpikeVisitor& visit) const;

  hdf5::File file;
  std::string version, identifier, start_time;
  hdf5::Column spikes;
  NwbUnits units;
  std::optional<hdf5::PlainColumn> plain;  // where spikes lie, if they need no HDF5
};

NwbFile::NwbFile(const fs::path& file) : content_(std::make_unique<Content>(file)) {}
NwbFile::~NwbFile() = default;
NwbFile::NwbFile(NwbFile&&) noexcept = default;
NwbFile& NwbFile::operator=(NwbFile&&) noexcept = default;

const fs::path& NwbFile::path() const {
  return content_->file.path();
}
const std::string& NwbFile::version() const {
  return content_->version;
}
const std::string& NwbFile::identifier() const {
  return content_->identifier;
}
const std::string& NwbFile::session_start_time() const {
  return content_->start_time;
}
const NwbUnits& NwbFile::units() const {
  return content_->units;
}
std::vector<std::string> NwbFile::intervals() const {
  return content_->file.names("/intervals");
}

namespace {

/// The table of that name, or with the suffix that Allen's have.
std::string table_of(const hdf5::File& file, const std::string& name) {
  const bool plain = !name.empty() && name.find('/') == std::string::npos;
  for (const auto& candidate : {name, name + "_presentations"}) {
    if (plain && file.has("/intervals/" + candidate)) return candidate;
  }
  const auto there = printable_list(file.names("/intervals"));
  file.fail("/intervals/" + name,
            text("expected one of ", there.empty() ? "no tables at all" : there, ": name another"));
}

void check_times(const hdf5::File& file, const std::string& table, const NwbPresentations& shown) {
  for (std::size_t i = 0; i < shown.start.size(); ++i) {
    if (!std::isfinite(shown.start[i])) {
      file.fail(table + "/start_time",
                text("expected seconds, got ", shown.start[i], " in row ", i));
    }
    if (!(shown.stop[i] >= shown.start[i]) || !std::isfinite(shown.stop[i])) {
      file.fail(table + "/stop_time", text("expected a stop from ", shown.start[i], " s on, got ",
                                           shown.stop[i], " in row ", i));
    }
  }
}

template <class Value>
void reorder(std::vector<Value>& values, const std::vector<std::size_t>& order) {
  if (values.empty()) return;
  std::vector<Value> sorted;
  for (const auto i : order) sorted.push_back(values[i]);
  values = std::move(sorted);
}

/// In order of time; throws where two are shown at once.
void sort_presentations(const hdf5::File& file, const std::string& table, NwbPresentations& shown) {
  std::vector<std::size_t> order(shown.start.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto one, auto other) { return shown.start[one] < shown.start[other]; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto before = order[i - 1], after = order[i];
    if (shown.stop[before] > shown.start[after] + kOverlap) {
      file.fail(table + "/stop_time",
                text("expected presentations one after the other, row ", before, " stops at ",
                     shown.stop[before], " s, row ", after, " starts at ", shown.start[after]));
    }
  }
  reorder(shown.start, order);
  reorder(shown.stop, order);
  reorder(shown.picture, order);
  reorder(shown.block, order);
}

}  // namespace

NwbPresentations NwbFile::presentations(const std::string& name) const {
  const auto& file = content_->file;
  NwbPresentations shown;
  shown.name = table_of(file, name);
  const auto table = "/intervals/" + shown.name;
  shown.start = file.numbers(table + "/start_time");
  shown.stop = file.numbers(table + "/stop_time");
  shown.picture = file.integers(table + "/frame");
  if (file.has(table + "/stimulus_block")) shown.block = file.integers(table + "/stimulus_block");
  const auto expect_rows = [&](const char* column, std::size_t rows) {
    if (rows == shown.start.size()) return;
    file.fail(text(table, '/', column),
              text("expected ", shown.start.size(), " rows as start_time has, got ", rows));
  };
  expect_rows("stop_time", shown.stop.size());
  expect_rows("frame", shown.picture.size());
  if (!shown.block.empty()) expect_rows("stimulus_block", shown.block.size());
  for (std::size_t i = 0; i < shown.picture.size(); ++i) {
    if (shown.picture[i] < -1 || shown.picture[i] >= std::int64_t{1} << 24U) {
      file.fail(table + "/frame", text("expected a picture from 0, or -1 for none, got ",
                                       shown.picture[i], " in row ", i));
    }
  }
  check_times(file, table, shown);
  sort_presentations(file, table, shown);
  return shown;
}

namespace {

/// Compiled for wider vectors too: every spike comes by here.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
[[gnu::target_clones("default", "avx2")]]
#endif
std::uint64_t
rises_in(const double* seconds, std::size_t count) {
  // Sums as wide as the numbers are what compilers turn into vectors. NaN does not rise.
  std::uint64_t rises = 0;
  for (std::size_t i = 1; i < count; ++i) rises += seconds[i] >= seconds[i - 1] ? 1U : 0U;
  return rises;
}

}  // namespace

void NwbFile::Content::check_rising(std::size_t unit, double before,
                                    std::span<const double> seconds) const {
  // One pass without branches; not rising is rare, where it is matters then.
  if (seconds.front() >= before && rises_in(seconds.data(), seconds.size()) == seconds.size() - 1 &&
      std::isfinite(seconds.front()) && std::isfinite(seconds.back())) {
    return;
  }
  for (const double now : seconds) {
    if (!std::isfinite(now) || now < before) {
      file.fail(kSpikeTimes, text("expected seconds that rise, got ", now, " after ", before,
                                  " in unit ", units.id[unit], ": sort the unit's spikes"));
    }
    before = now;
  }
}

/// Reads over a run of units that lie near each other, piece by piece.
void NwbFile::Content::visit_run(std::span<const std::size_t> wanted,
                                 std::span<const std::size_t> run, std::vector<double>& piece,
                                 const SpikeVisitor& visit) const {
  const auto end_of = [&](std::size_t unit) { return units.first[unit] + units.spikes[unit]; };
  const auto end = end_of(wanted[run.back()]);
  std::size_t next = 0;
  double before = 0;
  for (auto from = units.first[wanted[run.front()]]; from < end;) {
    const auto count = std::min(plain ? kPlainPiece : kPiece, end - from);
    piece.resize(count);
    plain ? plain->read(file, kSpikeTimes, from, piece)
          : file.read(spikes, kSpikeTimes, from, piece);
    for (; next < run.size(); ++next) {
      const auto unit = wanted[run[next]];
      const auto begin = std::max(from, units.first[unit]);
      const auto stop = std::min(from + count, end_of(unit));
      if (begin < stop) {
        const std::span<const double> seconds(piece.data() + (begin - from), stop - begin);
        check_rising(unit, begin == units.first[unit] ? seconds.front() : before, seconds);
        before = seconds.back();
        visit(run[next], seconds);
      }
      if (end_of(unit) > from + count) break;
    }
    from += count;
  }
}

std::vector<std::size_t> NwbFile::in_order(std::span<const std::size_t> wanted) const {
  const auto& units = content_->units;
  std::vector<std::size_t> order;
  for (std::size_t place = 0; place < wanted.size(); ++place) {
    if (wanted[place] >= units.size()) {
      throw UsageError(text("units: expected rows below ", units.size(), ", got ", wanted[place]));
    }
    if (units.spikes[wanted[place]] > 0) order.push_back(place);
  }
  std::sort(order.begin(), order.end(), [&](auto one, auto other) {
    return units.first[wanted[one]] < units.first[wanted[other]];
  });
  const auto twice = std::adjacent_find(order.begin(), order.end(), [&](auto one, auto other) {
    return wanted[one] == wanted[other];
  });
  if (twice != order.end()) {
    throw UsageError(text("units: expected each row once, got ", wanted[*twice], " twice"));
  }
  return order;
}

bool NwbFile::concurrent() const {
  return content_->plain.has_value();
}

void NwbFile::visit_spikes(std::span<const std::size_t> wanted, const SpikeVisitor& visit) const {
  const auto& units = content_->units;
  const auto order = in_order(wanted);
  std::vector<double> piece;
  for (std::size_t begin = 0; begin < order.size();) {
    auto end = begin + 1;
    for (; end < order.size(); ++end) {
      const auto last = wanted[order[end - 1]], unit = wanted[order[end]];
      if (units.first[unit] > units.first[last] + units.spikes[last] + kGap) break;
    }
    content_->visit_run(wanted, std::span(order).subspan(begin, end - begin), piece, visit);
    begin = end;
  }
}

std::vector<double> NwbFile::spike_times(std::size_t unit) const {
  std::vector<double> all;
  const std::size_t one[] = {unit};
  visit_spikes(one, [&](std::size_t, std::span<const double> seconds) {
    all.insert(all.end(), seconds.begin(), seconds.end());
  });
  return all;
}

}  // namespace neurosplat
