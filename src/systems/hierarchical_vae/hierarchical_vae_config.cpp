#include "neurosplat/systems/hierarchical_vae/hierarchical_vae_config.h"

#include <charconv>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

std::vector<std::int64_t> numbers_of(const std::string& option, const std::string& list) {
  std::vector<std::int64_t> numbers;
  const char *at = list.data(), *const end = at + list.size();
  while (true) {
    std::int64_t number = 0;
    const auto [rest, fault] = std::from_chars(at, end, number);
    if (fault != std::errc{} || (rest != end && *rest != ',')) {
      throw UsageError(text(option, ": expected whole numbers with commas between them, got '",
                            list, "': give them as 1,2,3,5,2"));
    }
    numbers.push_back(number);
    if (rest == end) return numbers;
    at = rest + 1;
  }
}

std::string list_of(const std::vector<std::int64_t>& numbers) {
  std::string list;
  for (const auto number : numbers) list += text(list.empty() ? "" : ",", number);
  return list;
}

HierarchicalVaeArchitecture HierarchicalVaeConfig::architecture() const {
  return {.image_size = image_size,
          .width = width,
          .latent_channels = latent_channels,
          .blocks = numbers_of("blocks", blocks),
          .encoder_blocks = numbers_of("encoder_blocks", encoder_blocks)};
}

void check(const HierarchicalVaeConfig& config) {
  check_ranges(config);
  check(config.architecture());
}

void settle_schedule(HierarchicalVaeConfig& config) {
  if (config.schedule_epochs == 0) config.schedule_epochs = config.epochs;
}

}  // namespace neurosplat
