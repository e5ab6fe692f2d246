#include <memory>

#include "neurosplat/systems/lock/commands.h"
#include "neurosplat/systems/lock/live_lock.h"

namespace neurosplat::apps {
namespace {

constexpr double kBudget = 33.0;

void join(const std::shared_ptr<OfferedModels<SplatVae>>& models, Served& served) {
  PageMode mode{.name = "lock",
                .title = "Lock",
                .help = "Packets begin as the model expects and lock onto what is seen.",
                .panels = 3,
                .panel_names = {"retina", "prior", "phase-locked"}};
  for (const auto& column : lock_columns()) mode.columns.push_back(column.name);
  mode.choices = {{"solver", lock_solver_names()}, models->choice()};
  mode.make = [models](const std::map<std::string, std::string>& chosen) {
    LockSolverSettings settings;
    settings.solver = chosen.at("solver");
    return actions_of(std::make_shared<LiveLock>(models->of(chosen), settings, kBudget));
  };
  served.modes.push_back(std::move(mode));
}

}  // namespace

ServedPart lock_part(const std::shared_ptr<OfferedModels<SplatVae>>& models) {
  return {[](CLI::App&) {}, [models](Served& served) { join(models, served); }};
}

}  // namespace neurosplat::apps
