// A run's options in JSON. What was read is written and reads the same.
#include <nlohmann/json.hpp>

#include "fuzz/readers.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/systems/waveform/waveform_config.h"

namespace neurosplat::fuzz {

void configuration(Bytes bytes) {
  const ScratchFile file(bytes, "case.json");
  WaveformConfig config, again;
  read_options(config, read_json_file(file.path()), "case.json");
  read_options(again, nlohmann::json::parse(write_options(config).dump()), "again");
  expect(changed_options(config, again).empty(), "options written again read otherwise");
  check(config);
}

}  // namespace neurosplat::fuzz
