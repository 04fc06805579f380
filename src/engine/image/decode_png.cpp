#include <cstring>

#include "engine/image/decode.hpp"
#include "engine/image/exif.hpp"
#include "engine/image/png_failure.hpp"

namespace p2p::engine {
namespace {

void on_read(png_structp png, png_bytep data, std::size_t size) {
  auto& rest = *static_cast<std::span<const std::uint8_t>*>(png_get_io_ptr(png));
  if (size > rest.size()) png_error(png, "the file ends too early");
  std::memcpy(data, rest.data(), size);
  rest = rest.subspan(size);
}

class PngReader {
 public:
  explicit PngReader(std::span<const std::uint8_t> bytes)
      : rest_(bytes), png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, PngFailure::on_error, PngFailure::on_warning)) {
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  /// Returns false if libpng failed, like read_rows(). Only libpng and its callbacks run under the jump, so no destructor is skipped.
  bool read_header() {
    if (info_ == nullptr || setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, &rest_, on_read);
    // Texts, profiles and similar chunks are skipped: a megabyte of them could unpack to a gigabyte.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_AS_DEFAULT, reinterpret_cast<png_const_bytep>("eXIf"), 1);
    png_set_chunk_cache_max(png_, 1);
    png_set_chunk_malloc_max(png_, 8'000'000);  // applies to skipped chunks too: some programs store whole workflows in them
    png_read_info(png_, info_);
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_rows(std::vector<png_bytep>& rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_image(png_, rows.data());
    return true;
  }

  /// Reads to the end, where Exif may be, too. Returns false if the file is cut there or damaged, which does not matter to its pixels.
  bool read_end() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_end(png_, info_);
    return true;
  }

  int orientation() {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0) return 1;
    return exif_orientation({exif, size});
  }

  png_uint_32 width() const { return png_get_image_width(png_, info_); }
  png_uint_32 height() const { return png_get_image_height(png_, info_); }
  std::size_t channels() const { return png_get_channels(png_, info_); }
  bool has_whole_bytes() const { return png_get_rowbytes(png_, info_) == channels() * width(); }
  const char* message() const { return failure_.message; }

 private:
  std::span<const std::uint8_t> rest_;
  PngFailure failure_;
  png_structp png_;
  png_infop info_ = nullptr;
};

}  // namespace

bool is_png(std::span<const std::uint8_t> bytes) { return bytes.size() >= 8 && png_sig_cmp(bytes.data(), 0, 8) == 0; }

DecodedImage decode_png(std::span<const std::uint8_t> bytes) {
  PngReader reader(bytes);
  if (!reader.read_header()) throw UsageError(std::string("a damaged PNG: ") + reader.message());
  const std::size_t channels = reader.channels();
  if (!reader.has_whole_bytes() || (channels != 3 && channels != 4)) throw UsageError("a PNG of an unknown kind of pixels");
  DecodedImage decoded{.image = empty_image(reader.width(), reader.height(), channels)};
  std::vector<png_bytep> rows = rows_of(decoded.image);
  if (!reader.read_rows(rows)) throw UsageError(std::string("a damaged PNG: ") + reader.message());
  reader.read_end();
  decoded.orientation = reader.orientation();
  if (channels == 4) decoded.transparent = drop_alpha(decoded.image);
  return decoded;
}

}  // namespace p2p::engine
