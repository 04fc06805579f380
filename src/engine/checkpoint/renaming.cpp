#include "engine/checkpoint/renaming.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/error.hpp"
#include "engine/checkpoint/weights.hpp"

namespace p2p::engine {
namespace {

WeightFiles::Entry transposed_entry(const TensorView& view, const std::filesystem::path& path) {
  const std::size_t rows = view.shape[0], columns = view.shape[1];
  const bool scaled = !view.scales.empty();  // by rows, which become columns
  const std::vector<float> values = scaled ? to_floats(view) : std::vector<float>();
  const DType dtype = scaled ? DType::f32 : view.dtype;
  const std::span<const std::byte> from = scaled ? std::as_bytes(std::span(values)) : view.data;
  const std::size_t size = size_of(dtype);
  const auto [tensor, data] = allocate_tensor(dtype, {columns, rows});
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j)
      std::memcpy(data.data() + (j * rows + i) * size, from.data() + (i * columns + j) * size, size);
  }
  return {tensor.view, tensor.owner, path};
}

/// One of three parts of equal height.
TensorView third(const TensorView& view, std::size_t index) {
  TensorView part = view;
  part.shape[0] /= 3;
  const std::size_t bytes = view.data.size() / 3;
  part.data = view.data.subspan(index * bytes, bytes);
  if (view.scales.size() == view.shape[0] && view.scales.size() > 1) {
    const auto first = view.scales.begin() + static_cast<std::ptrdiff_t>(index * part.shape[0]);
    part.scales.assign(first, first + static_cast<std::ptrdiff_t>(part.shape[0]));
  }
  return part;
}

}  // namespace

void add_renamed(WeightFiles& files, const NewName& to, const Safetensors& file, TensorView view) {
  const auto insert = [&](const std::string& name, WeightFiles::Entry entry) {
    if (!files.tensors.emplace(name, std::move(entry)).second) throw ModelError(files.folder.string() + ": " + name + ": is there twice");
  };
  const std::size_t rank = view.shape.size();
  if (to.change == Change::squeeze && rank > 2 && std::ranges::all_of(std::span(view.shape).subspan(2), [](auto n) { return n == 1; })) {
    view.shape.resize(2);
  }
  if (to.change == Change::transpose && rank == 2) return insert(to.name, transposed_entry(view, file.path));
  if (to.change == Change::split && rank > 0 && view.shape[0] % 3 == 0) {
    const std::size_t at = to.name.find('?');
    for (std::size_t i = 0; i < 3; ++i) {
      std::string name = to.name;
      name[at] = "qkv"[i];
      insert(name, {third(view, i), file.file, file.path});
    }
    return;
  }
  insert(to.name, {std::move(view), file.file, file.path});
}

}  // namespace p2p::engine
