#include <unicode/unistr.h>

#include <algorithm>
#include <string>

#include "base/error.hpp"
#include "engine/image/encode.hpp"
#include "engine/image/png_failure.hpp"

namespace p2p::engine {
namespace {

void on_write(png_structp png, png_bytep data, std::size_t size) {
  auto& bytes = *static_cast<std::vector<std::uint8_t>*>(png_get_io_ptr(png));
  bool full = false;
  try {
    bytes.insert(bytes.end(), data, data + size);
  } catch (const std::bad_alloc&) {
    full = true;
  }
  if (full) png_error(png, "out of memory");  // it jumps: no exception may be in flight
}

void on_flush(png_structp) {}

class Writer {
 public:
  Writer() : png_(png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure_, PngFailure::on_error, PngFailure::on_warning)) {
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  ~Writer() { png_destroy_write_struct(&png_, &info_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Returns false if libpng failed. Only libpng and its callbacks run under the jump, so no destructor is skipped.
  bool write(const Image& image, png_text text) {
    if (info_ == nullptr || setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_write_fn(png_, &bytes_, on_write, on_flush);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    // Fast compression: the last tenth of the size is not worth its time.
    png_set_compression_level(png_, 1);
    png_set_filter(png_, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
    if (text.text_length + text.itxt_length > 0) png_set_text(png_, info_, &text, 1);
    png_write_info(png_, info_);
    for (int y = 0; y < image.height; ++y)
      png_write_row(png_, image.rgb.data() + static_cast<std::size_t>(y) * 3 * static_cast<std::size_t>(image.width));
    png_write_end(png_, nullptr);
    return true;
  }

  std::vector<std::uint8_t>& bytes() { return bytes_; }
  const char* message() const { return failure_.message; }

 private:
  std::vector<std::uint8_t> bytes_;
  PngFailure failure_;
  png_structp png_;
  png_infop info_ = nullptr;
};

}  // namespace

std::vector<std::uint8_t> encode_png(const Image& image, const std::string& parameters) {
  check_size(image, "PNG");
  // Latin-1 goes into tEXt and all else into iTXt, as Pillow does. Neither holds a NUL.
  const std::u16string units = to_utf16(parameters);
  const bool latin1 = std::ranges::all_of(units, [](char16_t unit) { return unit <= 0xFF; });
  std::string value;
  if (latin1)
    std::ranges::transform(units, std::back_inserter(value), [](char16_t unit) { return static_cast<char>(unit); });
  else
    icu::UnicodeString(units.data(), static_cast<std::int32_t>(units.size())).toUTF8String(value);

  std::string key = "parameters";
  std::string none;
  png_text text{};
  text.compression = latin1 ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
  text.key = key.data();
  text.text = value.data();
  (latin1 ? text.text_length : text.itxt_length) = value.size();
  text.lang = none.data();
  text.lang_key = none.data();

  Writer writer;
  if (!writer.write(image, text)) throw Error(std::string("PNG: ") + writer.message());
  return std::move(writer.bytes());
}

}  // namespace p2p::engine
