#include "neurosplat/evaluation/metrics_key.h"

namespace neurosplat {

std::string metrics_key(const std::string& label) {
  std::string key;
  for (const char letter : label) {
    const bool capital = letter >= 'A' && letter <= 'Z';
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    key += capital ? static_cast<char>(letter - 'A' + 'a') : plain ? letter : '_';
  }
  return key;
}

}  // namespace neurosplat
