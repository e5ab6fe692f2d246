#include "neurosplat/evaluation/fitted_floor.h"

#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"

namespace neurosplat {

FittedFloor fit_floor(const FloorRequest& request, const PictureSource& measured) {
  const auto chosen = seeded_subset(request.pictures, request.limit, request.seed);
  FittedFloor fitted{.floor = {}, .measured = count_shared(*chosen, measured)};
  const PictureLoader loader(chosen, keep_all(*chosen, request.side, request.workers));
  fitted.pictures = loader.size();
  if (fitted.measured > 0) {
    log::warn(text("the floors are fitted to ", fitted.measured, " of the ", measured.size(),
                   " pictures that they are measured on: they are no held-out figures"));
  }
  fitted.floor = fit_linear_floor(loader.pictures(0, loader.size()), request.components);
  return fitted;
}

}  // namespace neurosplat
