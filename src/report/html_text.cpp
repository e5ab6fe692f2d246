#include "report/html_text.h"

#include <cmath>
#include <cstdint>
#include <sstream>

#include "neurosplat/core/text.h"

namespace neurosplat::report {
namespace {

/// The character that `text` begins with, and its bytes; 0xfffd and 1 where it is none.
struct Character {
  std::uint32_t code;
  std::size_t bytes;
};

constexpr std::uint32_t kReplacement = 0xfffd;

Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {kReplacement, 1};
  std::uint32_t code = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {kReplacement, 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < least[bytes] || code > 0x10ffff || surrogate) return {kReplacement, 1};
  return {code, bytes};
}

bool is_shown(std::uint32_t code) {
  const bool control =
      (code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7f && code < 0xa0);
  const bool direction = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !control && !direction && code != 0xfffe && code != 0xffff;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  while (!text.empty()) {
    const auto [code, bytes] = first_of(text);
    if (code == '&') {
      html += "&amp;";
    } else if (code == '<') {
      html += "&lt;";
    } else if (code == '>') {
      html += "&gt;";
    } else if (code == '"') {
      html += "&quot;";
    } else if (code == '\'') {
      html += "&#39;";
    } else if (code == kReplacement || !is_shown(code)) {
      html += "\xef\xbf\xbd";
    } else {
      html += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return html;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

std::string element(const std::string& name, const std::string& content,
                    const std::string& attributes) {
  return text('<', name, attributes.empty() ? "" : " ", attributes, '>', content, "</", name, '>');
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "–" : value > 0 ? "∞" : "−∞";
  std::ostringstream out;
  const double size = std::abs(value);
  if (value == std::round(value) && size < 1e7) {
    out << static_cast<long long>(value);
  } else {
    out.precision(4);
    out << value;
  }
  return out.str();
}

}  // namespace neurosplat::report
