// A run's options in JSON, of the blocks that systems share. What was read is written and reads the
// same.
#include <nlohmann/json.hpp>

#include "fuzz/readers.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/training/image_options.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat::fuzz {
namespace {

/// A value of every kind that a system's options have.
struct Config : ImageOptions, DeviceOptions, RunOptions {
  double lr = 1e-3;
  bool flip = true;
};

template <class Visitor>
void visit_options(Config& config, Visitor&& visit) {
  visit_options(static_cast<ImageOptions&>(config), visit);
  visit_options(static_cast<DeviceOptions&>(config), visit);
  visit_options(static_cast<RunOptions&>(config), visit);
  const OptionGroup group("Training", visit);
  group("lr", config.lr, "learning rate", Positive{});
  group("flip", config.flip, "mirror pictures");
}

}  // namespace

void configuration(Bytes bytes) {
  const ScratchFile file(bytes, "case.json");
  Config config, again;
  read_options(config, read_json_file(file.path()), "case.json");
  read_options(again, nlohmann::json::parse(write_options(config).dump()), "again");
  expect(changed_options(config, again).empty(), "options written again read otherwise");
  check_ranges(config);
}

}  // namespace neurosplat::fuzz
