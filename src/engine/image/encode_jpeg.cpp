#include <cstdlib>
#include <span>

#include "base/error.hpp"
#include "engine/image/encode.hpp"
#include "engine/image/exif.hpp"
#include "engine/image/jpeg_failure.hpp"

namespace p2p::engine {
namespace {

/// From here on colours have the resolution of the brightness. Below, half of it saves more than a lower quality would.
constexpr int kFullColours = 90;
constexpr std::size_t kMaxSegment = 65'533;

class JpegWriter {
 public:
  JpegWriter() {
    jpeg_.err = jpeg_std_error(&failure_.manager);
    failure_.manager.error_exit = JpegFailure::on_error;
  }
  ~JpegWriter() { jpeg_destroy_compress(&jpeg_); }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  /// Returns false if libjpeg failed. Only libjpeg and its callbacks run under the jump, so no destructor is skipped.
  bool write(const Image& image, std::span<const std::uint8_t> exif, int quality) {
    if (setjmp(failure_.jump) != 0) return false;
    jpeg_create_compress(&jpeg_);
    jpeg_mem_dest(&jpeg_, &bytes_, &size_);
    jpeg_.image_width = static_cast<JDIMENSION>(image.width);
    jpeg_.image_height = static_cast<JDIMENSION>(image.height);
    jpeg_.input_components = 3;
    jpeg_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg_);
    jpeg_set_quality(&jpeg_, quality, TRUE);
    if (quality >= kFullColours) jpeg_.comp_info[0].h_samp_factor = jpeg_.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&jpeg_, TRUE);
    if (!exif.empty()) jpeg_write_marker(&jpeg_, JPEG_APP0 + 1, exif.data(), static_cast<unsigned>(exif.size()));
    while (jpeg_.next_scanline < jpeg_.image_height) {
      auto* row = const_cast<JSAMPROW>(image.rgb.data()) + std::size_t{3} * jpeg_.next_scanline * jpeg_.image_width;
      jpeg_write_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_compress(&jpeg_);
    return true;
  }

  /// After write() has succeeded; before, libjpeg may have freed the bytes.
  std::vector<std::uint8_t> take() {
    std::vector<std::uint8_t> bytes(bytes_, bytes_ + size_);
    std::free(bytes_);
    return bytes;
  }
  std::string problem() const { return std::string("JPEG: ") + failure_.message; }

 private:
  JpegFailure failure_;
  jpeg_compress_struct jpeg_{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

std::vector<std::uint8_t> encode_jpeg(const Image& image, const std::string& parameters, int quality) {
  check_size(image, "JPEG", JPEG_MAX_DIMENSION);
  std::vector<std::uint8_t> exif = exif_segment(to_utf16(parameters));
  if (exif.size() > kMaxSegment) exif.clear();
  JpegWriter writer;
  if (!writer.write(image, exif, quality)) throw Error(writer.problem());
  return writer.take();
}

}  // namespace p2p::engine
