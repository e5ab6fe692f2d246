#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "neurosplat/serving/web_server.h"

namespace neurosplat::serving {

using Request = boost::beast::http::request<boost::beast::http::empty_body>;
using Response = boost::beast::http::response<boost::beast::http::string_body>;

/// A request's target, decoded: "/a%20b?x=1" is the path "/a b" and x. Nothing when an escape is
/// none.
struct Address {
  std::string path;
  std::map<std::string, std::string> query;
};
std::optional<Address> address_of(std::string_view target);

/// Whether "localhost", 127.0.0.0/8 or ::1 is meant, a port aside.
bool is_loopback(std::string_view host);

/// Why a request is not served, and with which status; nothing when it is. Without a token where
/// `open`.
std::optional<Reply> refusal(const Request& request, const Address& address,
                             const ServerOptions& options, bool open);

/// With headers that let a page load nothing from elsewhere and nobody frame it.
Response response_of(const Reply& reply, unsigned version, bool keep_alive);

/// The longest of the routes that a path is of: itself, or one that ends in '/' and begins it.
/// Where found, `rest` gets what is behind the route.
template <class Routes>
auto route_of(const Routes& routes, const std::string& path, std::string& rest) {
  auto best = routes.end();
  for (auto route = routes.begin(); route != routes.end(); ++route) {
    const auto& name = route->first;
    const bool fits = name == path || (name.ends_with('/') && path.starts_with(name));
    if (fits && (best == routes.end() || name.size() > best->first.size())) best = route;
  }
  if (best != routes.end()) rest = path.substr(best->first.size());
  return best;
}

}  // namespace neurosplat::serving
