#include "training/epoch_order_check.h"

#include <optional>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/options.h"

namespace neurosplat {
namespace {

const std::string kPrefix = "order.", kData = kPrefix + "data";

std::optional<std::string> found_in(const std::map<std::string, std::string>& metadata,
                                    const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::nullopt : std::optional(found->second);
}

/// config.json of the run; an empty object where there is none.
nlohmann::json options_of(const std::filesystem::path& run) {
  const auto path = run / "config.json";
  auto json = std::filesystem::exists(path) ? read_json_file(path)
                                            : nlohmann::json(nlohmann::json::object());
  if (!json.is_object()) throw Error(text(path.string(), ": expected a JSON object of options"));
  return json;
}

void check_options(const OrderMakers& makers, const CheckpointFolder::Loaded& checkpoint,
                   const std::filesystem::path& run) {
  const auto config = options_of(run);
  for (const auto& [name, now] : makers.options) {
    auto then = found_in(checkpoint.state.metadata, kPrefix + name);
    if (!then && config.contains(name)) then = config[name].dump();
    if (!then || *then == now) continue;
    const auto epoch = checkpoint.position.epoch + 1;
    throw UsageError(text(name, ": expected ", printable(*then), ", with which epoch ", epoch,
                          " was begun (batch ", checkpoint.position.batch, " of it is done), got ",
                          now, ": finish the epoch with ", printable(*then), " and epochs ", epoch,
                          " first, then change it"));
  }
}

}  // namespace

OrderMakers order_makers(const nlohmann::ordered_json& config,
                         const std::vector<std::string>& names, std::string data) {
  OrderMakers makers{{}, std::move(data)};
  for (const auto& name : names) makers.options[name] = config.at(name).dump();
  return makers;
}

void note(const OrderMakers& makers, TensorFile& state) {
  for (const auto& [name, value] : makers.options) state.metadata[kPrefix + name] = value;
  state.metadata[kData] = makers.data;
}

bool must_begin_epoch_anew(const OrderMakers& makers, const CheckpointFolder::Loaded& checkpoint,
                           const std::filesystem::path& run, bool accept_changed_data) {
  const bool amid = checkpoint.position.batch > 0;
  if (amid) check_options(makers, checkpoint, run);
  const auto then = found_in(checkpoint.state.metadata, kData);
  if (!then || *then == makers.data) return false;
  const std::string from =
      amid ? text(" from the start of epoch ", checkpoint.position.epoch + 1) : std::string();
  if (!accept_changed_data) {
    throw Error(text(run.string(), ": expected the pictures that the run was trained on (list ",
                     printable(*then), "), names, order or sizes differ (now ", makers.data,
                     "): bring them back, or go on with these", from, " by --accept-changed-data"));
  }
  log::warn(text("going on with other pictures than before", from));
  return amid;
}

}  // namespace neurosplat
