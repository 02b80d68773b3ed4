// SPDX-License-Identifier: BSL-1.0
/// @file limpid/graph.hpp
/// Neighbour graphs, and what labels do on them.
#ifndef LIMPID_GRAPH_HPP
#define LIMPID_GRAPH_HPP

#include <limpid/graph/knn.hpp>
#include <limpid/graph/sparse.hpp>
#include <limpid/graph/spread_labels.hpp>

#endif  // LIMPID_GRAPH_HPP
