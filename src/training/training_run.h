#pragma once

#include <filesystem>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/training/options.h"

namespace neurosplat {

/// What trainers do alike with their state: config, checkpoints, log and position, save(),
/// write_pictures() and run_epoch(), which is false when an epoch was ended early.

/// Goes on where the newest checkpoint stood; `load` takes the learner's state from it. Throws
/// Error when there is none or it does not fit.
template <class State, class Load>
void resume_newest(State& state, Load load) {
  const auto loaded = state.checkpoints.load_newest();
  if (!loaded) {
    throw Error(text(state.config.out.string(),
                     ": expected a checkpoint to resume, found none; start without --resume"));
  }
  try {
    load(loaded->state);
  } catch (const Error& error) {
    throw Error(text(loaded->path.string(), ": ", error.what()));
  }
  state.position = loaded->position;
  state.log.keep_through(loaded->position.epoch);
  log::info(text("resuming ", loaded->path.string(), ": epoch ", loaded->position.epoch + 1,
                 ", batch ", loaded->position.batch + 1));
}

/// Trains until the last epoch or the last step; false when a signal ended it. Either way the run
/// folder is complete.
template <class State>
bool run_epochs(State& state) {
  std::error_code failure;
  std::filesystem::create_directories(state.config.out, failure);
  if (failure) {
    throw Error(text(state.config.out.string(), ": cannot make it: ", failure.message()));
  }
  write_file_atomically(state.config.out / "config.json",
                        write_options(state.config).dump(2) + "\n");
  const InterruptGuard guard;
  if (state.position.step == 0) state.save();
  while (state.position.epoch < state.config.epochs) {
    if (state.run_epoch()) continue;
    state.save();
    if (InterruptGuard::raised()) return false;
    if (state.config.pictures_every > 0) state.write_pictures(state.position.epoch + 1);
    break;
  }
  return true;
}

}  // namespace neurosplat
