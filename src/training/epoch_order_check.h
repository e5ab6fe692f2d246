#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/training/checkpoint.h"

namespace neurosplat {

/// What decides which pictures each batch of an epoch holds.
struct OrderMakers {
  std::map<std::string, std::string> options;  ///< values as in config.json
  std::string data;                            ///< hash of the pictures
};

/// `config` has every option of the run, those of `names` among them.
OrderMakers order_makers(const nlohmann::ordered_json& config,
                         const std::vector<std::string>& names, std::string data);

/// Notes them in a checkpoint's metadata.
void note(const OrderMakers& makers, TensorFile& state);

/// Compares with what the checkpoint notes or, for one that is older than the notes, config.json
/// of its run. Throws UsageError for another option in the middle of an epoch, Error for other
/// data unless they are accepted; then true when they come in the middle of an epoch, which must
/// begin anew.
bool must_begin_epoch_anew(const OrderMakers& makers, const CheckpointFolder::Loaded& checkpoint,
                           const std::filesystem::path& run, bool accept_changed_data);

}  // namespace neurosplat
