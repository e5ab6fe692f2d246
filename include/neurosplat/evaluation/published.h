#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace neurosplat {

/// A figure as it was published: `decimals` digits after the point were printed.
struct Published {
  std::string key;
  double value;
  int decimals;
};

/// The `reference` part of a metrics file: the published figures under the keys of `results`,
/// and, for those that `results` does not give to the last printed digit, `KEY_reason`, the text
/// `reason`. Lists are compared as they stand. Throws Error when `results` lacks a key.
nlohmann::ordered_json reference_beside(const nlohmann::ordered_json& results,
                                        const std::vector<Published>& figures,
                                        const nlohmann::ordered_json& lists,
                                        const std::string& source, const std::string& reason);

}  // namespace neurosplat
