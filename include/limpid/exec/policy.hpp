// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/policy.hpp
/// What an execution policy is: a memory space, its memory, and a kernel for each primitive.
#ifndef LIMPID_EXEC_POLICY_HPP
#define LIMPID_EXEC_POLICY_HPP

#include <limpid/core/tensor.hpp>

#include <concepts>
#include <cstddef>
#include <new>
#include <type_traits>

namespace limpid {

/// Opt-in: a type is a policy only where its author says so. Keeps f(policy, a) apart from f(a, b).
template <class P>
inline constexpr bool enable_execution_policy = false;

/// Says where an algorithm runs and carries the resources for it.
template <class P>
concept execution_policy = enable_execution_policy<std::remove_cvref_t<P>> &&
                           requires(std::remove_cvref_t<P> const& p, void* block) {
                             { std::remove_cvref_t<P>::space } -> std::convertible_to<memory_space>;
                             { p.allocate(std::size_t{}) } -> std::same_as<void*>;
                             p.deallocate(block);
                           };

namespace detail {
struct any_tile {
  void operator()(std::size_t) const noexcept {}
};
}  // namespace detail

/// A policy on host memory: it runs independent tiles, in any order or at once, and says whether
/// the tiles should take their vectorised twins.
template <class P>
concept host_policy = execution_policy<P> && std::remove_cvref_t<P>::space == memory_space::host &&
                      requires(std::remove_cvref_t<P> const& p, detail::any_tile tile) {
                        { std::remove_cvref_t<P>::vectorised } -> std::convertible_to<bool>;
                        p.for_tiles(std::size_t{}, tile);
                      };

/// The kernel of primitive `Op` under policy `P`. Adding a policy means specialising it for the
/// primitives in ops/; host policies share one kernel, the primitive's own `host` function.
template <class Op, class P>
struct kernel;

template <class Op, host_policy P>
struct kernel<Op, P> {
  template <class... Args>
  static decltype(auto) run(P const& exec, Args&&... args) {
    return Op::host(exec, static_cast<Args&&>(args)...);
  }
};

/// The primitives a public function is made of: `using primitives = uses<ops::for_rows_fn, ...>;`.
/// May name public functions too.
template <class... Ops>
struct uses {};

namespace detail {

template <class Op, class P>
concept has_kernel = requires { sizeof(kernel<Op, P>); };
template <class Op, class P>
struct supported : std::bool_constant<has_kernel<Op, P>> {};
template <class List, class P>
struct all_supported;
template <class... Ops, class P>
struct all_supported<uses<Ops...>, P> : std::bool_constant<(supported<Ops, P>::value && ...)> {};
template <class Op, class P>
  requires requires { typename Op::primitives; }
struct supported<Op, P> : all_supported<typename Op::primitives, P> {};

}  // namespace detail

/// Does `Op`, a primitive or a public function object's type, run under `P`? Ask before calling
/// from generic code.
template <class Op, class P>
inline constexpr bool supports = detail::supported<Op, std::remove_cvref_t<P>>::value;

namespace detail {

/// Everything a public function asks of its types, each rule with its sentence. Call it first.
template <class Fn, class P, class... Tensors>
consteval void enter() {
  static_assert(
      supports<Fn, P>,
      "limpid: this function has no kernel for this policy; docs/support.md lists what runs where");
  static_assert(
      ((space_of<Tensors> == std::remove_cvref_t<P>::space) && ...),
      "limpid: the policy and the data are in different memory spaces; copy the data first");
}

/// Plain host memory, aligned for every vector instruction set.
inline void* allocate_host(std::size_t bytes) {
  return ::operator new(bytes, std::align_val_t{64});
}
inline void deallocate_host(void* block) noexcept {
  ::operator delete(block, std::align_val_t{64});
}

}  // namespace detail
}  // namespace limpid

#endif  // LIMPID_EXEC_POLICY_HPP
