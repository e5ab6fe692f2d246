#pragma once

#include <filesystem>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/training/epoch_order_check.h"
#include "neurosplat/training/options.h"

namespace neurosplat {

/// What trainers do alike with their state: config, order, checkpoints, log and position, save(),
/// write_pictures(), begin_epoch() and run_epoch(), which is false when an epoch was ended early.

/// Goes on where the newest checkpoint stood; `load` takes the learner's state from it. Throws
/// Error when there is none or it does not fit, and as must_begin_epoch_anew() does.
template <class State, class Load>
void resume_newest(State& state, bool accept_changed_data, Load load) {
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
  const bool anew =
      must_begin_epoch_anew(state.order, *loaded, state.config.out, accept_changed_data);
  state.position = loaded->position;
  if (anew) state.begin_epoch(state.position.epoch);
  state.log.keep_through(state.position.epoch);
  log::info(text("resuming ", loaded->path.string(), ": epoch ", state.position.epoch + 1,
                 ", batch ", state.position.batch + 1));
}

template <class State>
bool is_done(const State& state) {
  const auto& config = state.config;
  return state.position.epoch >= config.epochs ||
         (config.max_steps > 0 && state.position.step >= config.max_steps);
}

/// Trains until the last epoch or the last step; false when a signal ended it. Either way the run
/// folder is complete. A run that is there already is left as it is.
template <class State>
bool run_epochs(State& state) {
  if (state.position.step > 0 && is_done(state)) {
    log::info(text("nothing left to train: ", state.position.epoch, " epochs and ",
                   state.position.step, " steps are done; ask for more with --epochs",
                   state.config.max_steps > 0 ? " or --max-steps" : ""));
    return true;
  }
  std::error_code failure;
  std::filesystem::create_directories(state.config.out, failure);
  if (failure) {
    throw Error(text(state.config.out.string(), ": cannot make it: ", failure.message()));
  }
  write_file_atomically(state.config.out / "config.json",
                        write_options(state.config).dump(2) + "\n");
  const InterruptGuard guard;
  if (state.position.step == 0) state.save();
  while (!is_done(state)) {
    if (state.run_epoch()) continue;
    state.save();
    if (InterruptGuard::raised()) return false;
    if (state.config.pictures_every > 0) state.write_pictures(state.position.epoch + 1);
    break;
  }
  return true;
}

}  // namespace neurosplat
