// SPDX-License-Identifier: BSL-1.0
/// A graph on the emulated device. Include it before support/emulated_device.hpp, which looks its
/// overload up.
#ifndef LIMPID_TESTS_GRAPH_DEVICE_GRAPH_HPP
#define LIMPID_TESTS_GRAPH_DEVICE_GRAPH_HPP

#include <limpid/ops/spmm.hpp>

namespace limpid_test {

/// The emulated device opens its pages for the arrays of a graph too.
template <class T>
limpid::csr_view<T> as_host(limpid::csr_view<T, limpid::memory_space::device> g) {
  return {
      {g.start.data, g.start.size}, {g.col.data, g.col.size}, {g.value.data, g.value.size}, g.cols};
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_GRAPH_DEVICE_GRAPH_HPP
