#include "neurosplat/evaluation/published.h"

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

const nlohmann::ordered_json& find(const nlohmann::ordered_json& results, const std::string& key) {
  const auto found = results.find(key);
  if (found == results.end()) throw Error(text("results: expected the key ", key, ", found none"));
  return *found;
}

}  // namespace

nlohmann::ordered_json reference_beside(const nlohmann::ordered_json& results,
                                        const std::vector<Published>& figures,
                                        const nlohmann::ordered_json& lists,
                                        const std::string& source, const std::string& reason) {
  auto reference = nlohmann::ordered_json::object();
  for (const auto& figure : figures) {
    reference[figure.key] = figure.value;
    const auto& ours = find(results, figure.key);
    const double digit = std::pow(10.0, -figure.decimals);
    if (ours.is_number() && std::abs(ours.get<double>() - figure.value) <= 0.5 * digit + 1e-12)
      continue;
    reference[figure.key + "_reason"] = reason;
  }
  for (const auto& [key, value] : lists.items()) {
    reference[key] = value;
    if (find(results, key) != value) reference[key + "_reason"] = reason;
  }
  reference["source"] = source;
  return reference;
}

}  // namespace neurosplat
