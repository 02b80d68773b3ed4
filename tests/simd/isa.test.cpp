// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <cstdlib>
#include <string>

using limpid::instruction_set;
namespace lanes = limpid::lanes;

namespace {

constexpr instruction_set all_sets[] = {instruction_set::scalar, instruction_set::baseline,
                                        instruction_set::v3, instruction_set::v4};

// Sets LIMPID_ISA (null: removes it) for the life of the object, and has the set chosen anew.
class wanted {
 public:
  explicit wanted(char const* name) {
    if (char const* const old = std::getenv("LIMPID_ISA")) {
      had_ = true;
      old_ = old;
    }
    put(name);
  }
  wanted(wanted const&) = delete;
  wanted& operator=(wanted const&) = delete;
  ~wanted() { put(had_ ? old_.c_str() : nullptr); }

 private:
  static void put(char const* name) {
    if (name != nullptr) {
      ::setenv("LIMPID_ISA", name, 1);
    } else {
      ::unsetenv("LIMPID_ISA");
    }
    lanes::unforce();
  }
  bool had_ = false;
  std::string old_;
};

instruction_set widest() {
  instruction_set best = instruction_set::scalar;
  for (auto set : all_sets)
    if (lanes::supported(set)) best = set;
  return best;
}

}  // namespace

TEST_CASE("without LIMPID_ISA the widest set is used") {
  wanted const none(nullptr);
  CHECK(lanes::isa() == widest());
}

TEST_CASE("LIMPID_ISA names the set; one that the processor lacks, or no name at all, is ignored") {
  for (auto set : all_sets) {
    wanted const named(lanes::to_string(set));
    CAPTURE(lanes::to_string(set));
    CHECK(lanes::isa() == (lanes::supported(set) ? set : widest()));
  }
  for (char const* name : {"", "v", "v33", "AVX2", "baselin"}) {
    wanted const named(name);
    CAPTURE(name);
    CHECK(lanes::isa() == widest());
  }
}

TEST_CASE("the choice is made once: a later change of the environment is not seen") {
  wanted const named("baseline");
  auto const first = lanes::isa();
  ::setenv("LIMPID_ISA", "scalar", 1);
  CHECK(lanes::isa() == first);
}

TEST_CASE("force wins over LIMPID_ISA until unforce") {
  wanted const named("baseline");
  auto const chosen = lanes::isa();
  for (auto set : all_sets) CHECK(lanes::force(set) == lanes::supported(set));
  CHECK(lanes::isa() == widest());
  lanes::unforce();
  CHECK(lanes::isa() == chosen);
}
