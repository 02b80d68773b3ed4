// SPDX-License-Identifier: BSL-1.0
#include "support/golden.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace limpid_test {

namespace {

nlohmann::json const& json(void const* value) {
  return *static_cast<nlohmann::json const*>(value);
}

template <class T>
void read_as(void const* value, T& to) {
  if constexpr (std::is_floating_point_v<T>) {
    if (json(value).is_null()) {
      to = std::numeric_limits<T>::quiet_NaN();
      return;
    }
  }
  json(value).get_to(to);
}

}  // namespace

golden_value golden_value::operator[](std::string const& key) const {
  return {document_, &json(value_).at(key)};
}
golden_value golden_value::operator[](std::size_t index) const {
  return {document_, &json(value_).at(index)};
}
bool golden_value::contains(std::string const& key) const {
  return json(value_).contains(key);
}
bool golden_value::is_null() const {
  return json(value_).is_null();
}
bool golden_value::is_array() const {
  return json(value_).is_array();
}
bool golden_value::is_object() const {
  return json(value_).is_object();
}
bool golden_value::is_number() const {
  return json(value_).is_number();
}
bool golden_value::is_string() const {
  return json(value_).is_string();
}
std::size_t golden_value::size() const {
  return json(value_).size();
}

void golden_value::read(double& to) const {
  read_as(value_, to);
}
void golden_value::read(float& to) const {
  read_as(value_, to);
}
void golden_value::read(bool& to) const {
  read_as(value_, to);
}
void golden_value::read(int& to) const {
  read_as(value_, to);
}
void golden_value::read(std::int64_t& to) const {
  read_as(value_, to);
}
void golden_value::read(std::uint32_t& to) const {
  read_as(value_, to);
}
void golden_value::read(std::uint64_t& to) const {
  read_as(value_, to);
}
void golden_value::read(std::string& to) const {
  read_as(value_, to);
}

std::vector<std::pair<std::string, golden_value>> golden_value::items() const {
  std::vector<std::pair<std::string, golden_value>> out;
  for (auto const& [key, x] : json(value_).items())
    out.emplace_back(key, golden_value(document_, &x));
  return out;
}

golden_value golden_file(std::string const& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  auto const document = std::make_shared<nlohmann::json const>(nlohmann::json::parse(in));
  return {document, document.get()};
}
golden_value golden(std::string const& name) {
  return golden_file(std::string(LIMPID_GOLDEN_DIR) + "/" + name);
}

}  // namespace limpid_test
