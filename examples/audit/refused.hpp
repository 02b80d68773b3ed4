// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/refused.hpp
/// Why the program does not go on: one sentence, exit status 2.
#ifndef LIMPID_EXAMPLES_AUDIT_REFUSED_HPP
#define LIMPID_EXAMPLES_AUDIT_REFUSED_HPP

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace limpid_audit {

/// Input or output that cannot be used; the text names the file and the place in it.
struct refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Parts>
[[noreturn]] void refuse(Parts const&... parts) {
  std::ostringstream sentence;
  (sentence << ... << parts);
  throw refused(sentence.str());
}

/// Foreign text made fit for a one-line message: quoted, printable, short.
inline std::string shown(std::string_view text) {
  std::string out = "'";
  for (char const c : text.substr(0, 40)) {
    auto const code = static_cast<unsigned char>(c);
    out += code < 0x20 || code >= 0x7f ? '?' : c;
  }
  return out + (text.size() > 40 ? "...'" : "'");
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_REFUSED_HPP
