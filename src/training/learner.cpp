#include "neurosplat/training/learner.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

std::vector<std::string> Learner::terms_in_table(const Figures& terms) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : terms) names.push_back(name);
  return names;
}

Figures Learner::sums_before_names(const TensorFile&) const {
  return {};
}

void Learner::start_from(const std::filesystem::path& model) {
  throw UsageError(text("--resume: expected the folder of a run, got ", model.string()));
}

std::filesystem::path sheet_path(const std::filesystem::path& run, const std::string& name,
                                 std::int64_t epoch) {
  const auto digits = std::to_string(epoch);
  const std::string zeros(digits.size() < 3 ? 3 - digits.size() : 0, '0');
  return run / text(name, '_', zeros, digits, ".png");
}

}  // namespace neurosplat
