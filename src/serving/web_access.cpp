#include "serving/web_access.h"

#include <boost/beast/version.hpp>
#include <charconv>

namespace neurosplat::serving {
namespace {

namespace http = boost::beast::http;

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

std::optional<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    unsigned value = 0;
    const auto* first = text.data() + i + 1;
    if (text.size() - i < 3) return std::nullopt;
    const auto [stopped, fault] = std::from_chars(first, first + 2, value, 16);
    if (fault != std::errc() || stopped != first + 2 || value == 0) return std::nullopt;
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  if (colon == std::string_view::npos) return host;
  if (bracket != std::string_view::npos && colon < bracket) return host;
  // More than one colon without brackets is an address, not a port.
  if (bracket == std::string_view::npos && host.find(':') != colon) return host;
  return host.substr(0, colon);
}

/// Takes as long wherever two words of one length differ.
bool same(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
  }
  return difference == 0;
}

std::string token_of(const Request& request, const Address& address) {
  const std::string_view bearer = "Bearer ";
  const std::string_view said = request[http::field::authorization];
  if (said.starts_with(bearer)) return std::string(said.substr(bearer.size()));
  const auto found = address.query.find("token");
  return found == address.query.end() ? std::string() : found->second;
}

}  // namespace

std::optional<Address> address_of(std::string_view target) {
  const auto mark = target.find('?');
  const auto path = unescaped(target.substr(0, mark));
  if (!path || !path->starts_with('/')) return std::nullopt;
  Address address{*path, {}};
  auto rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!rest.empty()) {
    const auto part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const auto equal = part.find('=');
    const auto name = unescaped(part.substr(0, equal));
    const auto value =
        unescaped(equal == std::string_view::npos ? std::string_view() : part.substr(equal + 1));
    if (!name || !value) return std::nullopt;
    address.query[*name] = *value;
  }
  return address;
}

bool is_loopback(std::string_view host) {
  const auto name = without_port(host);
  return name == "localhost" || name == "[::1]" || name == "::1" || name.starts_with("127.");
}

std::optional<Reply> refusal(const Request& request, const Address& address,
                             const ServerOptions& options, bool open) {
  const std::string_view host = request[http::field::host];
  if (is_loopback(options.address) && !is_loopback(host)) {
    return Reply{403, "text/plain; charset=utf-8",
                 "expected the host localhost: another name stands for this machine\n"};
  }
  const std::string_view origin = request[http::field::origin];
  if (!origin.empty()) {
    const auto scheme = origin.find("://");
    if (scheme == std::string_view::npos || origin.substr(scheme + 3) != host) {
      return Reply{403, "text/plain; charset=utf-8",
                   "expected a page of this server: another page asks\n"};
    }
  }
  if (!open && !options.token.empty() && !same(token_of(request, address), options.token)) {
    return Reply{401, "text/plain; charset=utf-8",
                 "expected the server's token: add ?token= or an Authorization header\n"};
  }
  return std::nullopt;
}

Response response_of(const Reply& reply, unsigned version, bool keep_alive) {
  Response response{static_cast<http::status>(reply.status), version};
  response.set(http::field::content_type, reply.type);
  response.set(http::field::cache_control, "no-store");
  response.set("Content-Security-Policy", kPolicy);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Permissions-Policy", "camera=(self), microphone=(), geolocation=()");
  response.keep_alive(keep_alive);
  response.body() = reply.body;
  response.prepare_payload();
  return response;
}

}  // namespace neurosplat::serving
