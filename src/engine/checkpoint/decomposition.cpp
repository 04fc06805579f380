#include "engine/checkpoint/decomposition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace p2p::engine {
namespace {

using FloatRow = std::span<float>;

std::size_t elements(const TensorView& view) { return view.data.size() / size_of(view.dtype); }
std::size_t rows(const TensorView& view) { return view.shape.empty() ? 1 : view.shape[0]; }

// row += factors * down, with four rows of `down` per pass over `row`, because loads and stores dominate the time.
void add_products(FloatRow row, std::span<const float> factors, std::span<const float> down) {
  const std::size_t n = row.size();
  float* const to = row.data();
  std::size_t k = 0;
  for (; k + 4 <= factors.size(); k += 4) {
    const float a = factors[k], b = factors[k + 1], c = factors[k + 2], d = factors[k + 3];
    const float* const from = down.data() + k * n;
    for (std::size_t j = 0; j < n; ++j) to[j] += a * from[j] + b * from[n + j] + c * from[2 * n + j] + d * from[3 * n + j];
  }
  for (; k < factors.size(); ++k) {
    const float* const from = down.data() + k * n;
    for (std::size_t j = 0; j < n; ++j) to[j] += factors[k] * from[j];
  }
}

std::vector<float> transposed(std::span<const float> matrix, std::size_t height) {
  const std::size_t width = matrix.size() / height;
  std::vector<float> result(matrix.size());
  for (std::size_t i = 0; i < height; ++i) {
    for (std::size_t j = 0; j < width; ++j) result[j * height + i] = matrix[i * width + j];
  }
  return result;
}

// [r, in x kernel], from a core [r, s, kernel] and `down` [s, in].
std::vector<float> contracted(const TensorView& core, std::span<const float> down) {
  const std::size_t r = core.shape[0], s = core.shape[1], kernel = elements(core) / (r * s), in = down.size() / s;
  const std::vector<float> values = to_floats(core);
  std::vector<float> result(r * in * kernel);
  for (std::size_t i = 0; i < r; ++i) {
    for (std::size_t m = 0; m < s; ++m) {
      for (std::size_t j = 0; j < in; ++j) {
        for (std::size_t k = 0; k < kernel; ++k) result[(i * in + j) * kernel + k] += values[(i * s + m) * kernel + k] * down[m * in + j];
      }
    }
  }
  return result;
}

/// A FactoredMatrix, to be read by rows.
class MatrixRows {
 public:
  explicit MatrixRows(const FactoredMatrix& matrix) : whole_(matrix.up) {
    if (!matrix.down) return;
    down_ = to_floats(*matrix.down);
    rank_ = matrix.down->shape[0];
    if (matrix.core) {
      down_ = contracted(*matrix.core, down_);
      rank_ = matrix.core->shape[0];
    }
    up_ = to_floats(matrix.up);
    if (matrix.up_transposed) up_ = transposed(up_, rank_);
  }

  std::size_t count() const { return rank_ > 0 ? up_.size() / rank_ : rows(whole_); }
  std::size_t columns() const { return rank_ > 0 ? down_.size() / rank_ : elements(whole_) / rows(whole_); }
  std::size_t work() const { return std::max<std::size_t>(rank_, 1); }

  std::vector<float> row(std::size_t index) const {
    std::vector<float> values(columns());
    if (rank_ == 0) {
      to_floats(whole_, index * values.size(), values);
    } else {
      add_products(values, std::span(up_).subspan(index * rank_, rank_), down_);
    }
    return values;
  }

  void add(std::size_t index, float scale, FloatRow sum) const {
    if (rank_ == 0) {
      add_products(sum, std::span(&scale, 1), row(index));
      return;
    }
    const auto up = std::span(up_).subspan(index * rank_, rank_);
    std::vector<float> factors(up.begin(), up.end());
    for (float& factor : factors) factor *= scale;
    add_products(sum, factors, down_);
  }

 private:
  TensorView whole_;
  std::size_t rank_ = 0;  ///< 0: the matrix is `whole_`
  std::vector<float> up_;
  std::vector<float> down_;
};

RowChange hadamard_change(const Decomposition& change, float scale) {
  const MatrixRows first(change.first), second(*change.second);
  const auto add = [first, second, scale](std::size_t index, auto, FloatRow sum) {
    const std::vector<float> a = first.row(index), b = second.row(index);
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += scale * a[j] * b[j];
  };
  return {.add = add, .work = first.work() + second.work()};
}

RowChange kronecker_change(const Decomposition& change, float scale) {
  const MatrixRows first(change.first), second(*change.second);
  const auto add = [first, second, scale](std::size_t index, auto, FloatRow sum) {
    const std::vector<float> a = first.row(index / second.count()), b = second.row(index % second.count());
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < b.size(); ++j) sum[i * b.size() + j] += scale * a[i] * b[j];
    }
  };
  return {.add = add, .work = second.work()};
}

// A row of W is [in, kernel]; it is multiplied by `up` [in, rank], then by `down` [rank, in].
RowChange glora_change(const Decomposition& change, float scale) {
  const std::size_t rank = change.first.down->shape[0];
  return {.add =
              [up = to_floats(change.first.up), down = to_floats(*change.first.down), second = MatrixRows(*change.second), rank, scale](
                  std::size_t index, std::span<const float> original, FloatRow sum) {
                second.add(index, scale, sum);
                const std::size_t in = down.size() / rank, kernel = original.size() / in;
                for (std::size_t k = 0; k < kernel; ++k) {
                  std::vector<float> middle(rank);
                  for (std::size_t i = 0; i < in; ++i) {
                    for (std::size_t r = 0; r < rank; ++r) middle[r] += original[i * kernel + k] * up[i * rank + r];
                  }
                  for (std::size_t j = 0; j < in; ++j) {
                    for (std::size_t r = 0; r < rank; ++r) sum[j * kernel + k] += scale * middle[r] * down[r * in + j];
                  }
                }
              },
          .work = rank * 3};
}

RowChange ia3_change(const Decomposition& change, float scale) {
  const bool inputs = change.composition == Composition::ia3_in;
  return {.add = [factors = to_floats(change.first.up), inputs, scale](std::size_t index, std::span<const float> original, FloatRow sum) {
    const std::size_t kernel = inputs ? original.size() / factors.size() : 1;
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += scale * original[j] * factors[inputs ? j / kernel : index];
  }};
}

RowChange composed(const Decomposition& change, float scale) {
  switch (change.composition) {
    case Composition::hadamard:
      return hadamard_change(change, scale);
    case Composition::kronecker:
      return kronecker_change(change, scale);
    case Composition::glora:
      return glora_change(change, scale);
    case Composition::ia3_in:
    case Composition::ia3_out:
      return ia3_change(change, scale);
    case Composition::matrix:
      break;
  }
  const MatrixRows first(change.first);
  return {.add = [first, scale](std::size_t index, auto, FloatRow sum) { first.add(index, scale, sum); }, .work = first.work()};
}

float norm(std::span<const float> values) {
  return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0F)) + std::numeric_limits<float>::epsilon();
}

// Norms of W + change over everything but the inputs.
std::vector<float> input_norms(const TensorView& weight, const RowChange& change, std::size_t inputs) {
  std::vector<float> norms(inputs), original(elements(weight) / weight.shape[0]);
  const std::size_t kernel = original.size() / inputs;
  for (std::size_t i = 0; i < weight.shape[0]; ++i) {
    to_floats(weight, i * original.size(), original);
    std::vector<float> changed = original;
    change.add(i, original, changed);
    for (std::size_t j = 0; j < changed.size(); ++j) norms[j / kernel] += changed[j] * changed[j];
  }
  for (float& value : norms) value = std::sqrt(value) + std::numeric_limits<float>::epsilon();
  return norms;
}

RowChange normalised(const Decomposition& decomposition, float weight, const TensorView& tensor) {
  const Magnitudes& magnitudes = *decomposition.magnitudes;
  const RowChange change = composed(decomposition, decomposition.scale * (magnitudes.scales_change ? weight : 1));
  std::vector<float> factors = to_floats(magnitudes.values);
  if (magnitudes.along_inputs) {
    const std::vector<float> norms = input_norms(tensor, change, factors.size());
    for (std::size_t i = 0; i < factors.size(); ++i) factors[i] /= norms[i];
  }
  const float strength = magnitudes.scales_change ? 1 : weight;
  return {
      .add =
          [change, factors, strength, inputs = magnitudes.along_inputs](std::size_t index, std::span<const float> original, FloatRow sum) {
            std::vector<float> changed(original.begin(), original.end());
            change.add(index, original, changed);
            const float whole = inputs ? 1 : factors[index] / norm(changed);
            const std::size_t kernel = inputs ? changed.size() / factors.size() : 1;
            for (std::size_t j = 0; j < sum.size(); ++j) {
              const float factor = inputs ? factors[j / kernel] : whole;
              sum[j] += strength * (factor * changed[j] - original[j]);
            }
          },
      .work = change.work + 2};
}

}  // namespace

WeightChange weight_change(Decomposition decomposition, float weight) {
  return [decomposition = std::move(decomposition), weight](const TensorView& original) {
    return decomposition.magnitudes ? normalised(decomposition, weight, original) : composed(decomposition, decomposition.scale * weight);
  };
}

}  // namespace p2p::engine
