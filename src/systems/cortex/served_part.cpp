#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/systems/cortex/commands.h"
#include "neurosplat/systems/cortex/live_cortex.h"

namespace neurosplat::apps {
namespace {

constexpr std::int64_t kSheetGap = 4;

PageMode page_mode(const ModelMode& mode, const std::string& title, const std::string& help,
                   std::int64_t panels, const std::vector<LiveColumn>& columns) {
  PageMode offered{
      .name = mode.name, .title = title, .help = help, .panels = panels, .gap = kSheetGap};
  for (const auto& column : columns) offered.columns.push_back(column.name);
  return offered;
}

void join(const std::shared_ptr<OfferedModels<SplatVae>>& models, Served& served) {
  const auto agreement = agreement_mode(), saccade = saccade_mode();
  auto agreeing =
      page_mode(agreement, "Agreement",
                "What the coarse gist and the fine retina agree on is seen; the rest is surprise.",
                4, agreement_columns());
  agreeing.lossless = true;
  agreeing.make = [agreement](const std::map<std::string, std::string>&) {
    return agreement.make(std::nullopt);
  };
  auto looking =
      page_mode(saccade, "Saccades",
                "The eye looks where the prior errs most; the line is its path over the frame.", 3,
                saccade_columns());
  looking.choices = {models->choice()};
  looking.make = [saccade, models](const std::map<std::string, std::string>& chosen) {
    return saccade.make(models->of(chosen));
  };
  served.modes.push_back(std::move(agreeing));
  served.modes.push_back(std::move(looking));
}

}  // namespace

ServedPart cortex_part(const std::shared_ptr<OfferedModels<SplatVae>>& models) {
  return {[](CLI::App&) {}, [models](Served& served) { join(models, served); }};
}

}  // namespace neurosplat::apps
