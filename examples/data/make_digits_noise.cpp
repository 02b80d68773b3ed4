// SPDX-License-Identifier: BSL-1.0
/// @file examples/data/make_digits_noise.cpp
/// Plants wrong labels in the digits: make-digits-noise digits_X.npy digits_y.npy digits_noisy.npy
#include "../audit/npy.hpp"

#include <limpid/noise/instance_dependent.hpp>

#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("usage: make-digits-noise X.npy y.npy noisy.npy\n", stderr), 2;
  try {
    std::ifstream features(argv[1], std::ios::binary), labels(argv[2], std::ios::binary);
    auto const X = limpid_audit::read_npy_matrix(features, argv[1]);
    auto const y = limpid_audit::read_npy_labels(labels, argv[2]);
    auto const noisy = limpid::noise::instance_dependent(X, y, 10, {.rate = 0.3, .seed = 1});

    std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                         std::to_string(noisy.labels.size()) + ",), }";
    header.append((64 - (10 + header.size() + 1) % 64) % 64, ' ');
    header += '\n';
    std::ofstream out(argv[3], std::ios::binary);
    out << "\x93NUMPY" << '\1' << '\0' << static_cast<char>(header.size() & 255)
        << static_cast<char>(header.size() >> 8) << header;
    for (auto const label : noisy.labels) out << static_cast<char>(label);
    out.close();
    if (!out) return std::fprintf(stderr, "%s: cannot be written\n", argv[3]), 2;
    std::printf("%.4f of the labels are wrong\n", noisy.realised_rate);
  } catch (std::exception const& why) {
    return std::fprintf(stderr, "make-digits-noise: %s\n", why.what()), 2;
  }
}
