#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/recordings/simulated_session.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "systems/spike_decoder/session_options.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  SessionOptions session;
  SimulatedSessionOptions simulation;
  fs::path out = "session.nwb", pictures_out;
  bool overwrite = false;
};

int write(Options options) {
  Outputs outputs(options.overwrite);
  outputs.reads("pictures", options.session.pictures);
  outputs.writes("out", options.out);
  if (!options.pictures_out.empty())
    outputs.writes("pictures-out", options.pictures_out, {"picture_###.png"});
  outputs.check();
  options.simulation.seed = static_cast<std::uint64_t>(options.session.session_seed);
  check(options.simulation);
  const auto pictures = session_pictures(options.session);
  const SimulatedSession session(pictures, options.simulation);
  session.write(options.out);
  if (!options.pictures_out.empty()) {
    fs::create_directories(options.pictures_out);
    for (std::int64_t i = 0; i < pictures.size(0); ++i) {
      char name[32];
      std::snprintf(name, sizeof name, "picture_%05lld.png", static_cast<long long>(i));
      write_png(options.pictures_out / name, pictures[i].to(at::kFloat).div(255));
    }
  }
  std::printf("%zu units (%zu pass the default filters), %lld pictures, %zu presentations: %s\n",
              session.session().units.size(), session.good().size(),
              static_cast<long long>(pictures.size(0)), session.presentations().start.size(),
              options.out.c_str());
  return 0;
}

}  // namespace

void add_sample_spike_session(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("spike-session",
                              "A simulated Neuropixels session of six visual areas, with units "
                              "that filters must remove, as an NWB 2 file.",
                              [options] { return write(*options); });
  auto& session = options->session;
  auto& simulation = options->simulation;
  command.add_option("--pictures", session.pictures,
                     "pictures to show: a folder, in order of their names, or uint8 .npy; default: "
                     "generated flowers");
  command.add_option("--count", session.count, "generated pictures")->capture_default_str();
  command.add_option("--image-size", session.side, "side of pictures, pixels")
      ->capture_default_str();
  command.add_option("--units", simulation.units, "good units in each area")->capture_default_str();
  command.add_option("--bad-units", simulation.bad_units, "units that fail a filter")
      ->capture_default_str();
  command.add_option("--repeats", simulation.repeats, "showings of each picture")
      ->capture_default_str();
  command
      .add_option("--correlation", simulation.correlation,
                  "of two units' counts to the same picture")
      ->capture_default_str();
  command.add_option("--session-seed", session.session_seed, "of neurons and spikes")
      ->capture_default_str();
  command.add_option("--out", options->out, "NWB file")->capture_default_str();
  command.add_option("--pictures-out", options->pictures_out,
                     "folder for the pictures as PNG files, to decode with");
  add_overwrite_option(command, options->overwrite);
}

}  // namespace neurosplat::apps
