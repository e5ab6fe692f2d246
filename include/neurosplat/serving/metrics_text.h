#pragma once

#include <string>

#include "neurosplat/core/text.h"

namespace neurosplat {

/// Figures in Prometheus's text format, version 0.0.4.
class MetricsText {
 public:
  template <class Number>
  void counter(const std::string& name, const std::string& help, Number value) {
    add(name, "counter", help, text(value));
  }
  template <class Number>
  void gauge(const std::string& name, const std::string& help, Number value) {
    add(name, "gauge", help, text(value));
  }

  const std::string& body() const { return body_; }
  static constexpr const char* kType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  void add(const std::string& name, const char* type, const std::string& help,
           const std::string& value) {
    body_ += text("# HELP ", name, ' ', help, "\n# TYPE ", name, ' ', type, '\n', name, ' ', value,
                  '\n');
  }

  std::string body_;
};

}  // namespace neurosplat
