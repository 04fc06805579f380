#include "engine/image/decode.hpp"
#include "engine/image/exif.hpp"
#include "engine/image/jpeg_failure.hpp"

namespace p2p::engine {
namespace {

/// Each scan, however small, makes libjpeg process the whole picture. Encoders write about ten.
constexpr int kMaxScans = 32;

void on_message(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
    JpegFailure::on_error(jpeg);  // libjpeg would fill the rest with grey
}

/// Called at least once for each row of blocks that is read.
void on_progress(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kMaxScans) return;
  auto& failure = *reinterpret_cast<JpegFailure*>(jpeg->err);
  std::snprintf(failure.message, sizeof failure.message, "more than %d scans", kMaxScans);
  std::longjmp(failure.jump, 1);
}

class JpegReader {
 public:
  JpegReader() {
    jpeg_.err = jpeg_std_error(&failure_.manager);
    failure_.manager.error_exit = JpegFailure::on_error;
    failure_.manager.emit_message = on_message;
    progress_.progress_monitor = on_progress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  /// Returns false if libjpeg failed, like read_rows(). Only libjpeg and its callbacks run under the jump, so no destructor is skipped.
  bool read_header(std::span<const std::uint8_t> bytes) {
    if (setjmp(failure_.jump) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, bytes.data(), bytes.size());
    jpeg_save_markers(&jpeg_, kExifMarker, 0xFFFF);
    jpeg_read_header(&jpeg_, TRUE);
    jpeg_.out_color_space = is_cmyk() ? JCS_CMYK : JCS_RGB;
    return true;
  }

  bool read_rows(std::vector<std::uint8_t*>& rows) {
    if (setjmp(failure_.jump) != 0) return false;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height) jpeg_read_scanlines(&jpeg_, &rows[jpeg_.output_scanline], 1);
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  /// Call before read_rows(), which frees the markers of the header.
  int orientation() const {
    for (const jpeg_marker_struct* marker = jpeg_.marker_list; marker != nullptr; marker = marker->next) {
      const std::span data(marker->data, marker->data_length);
      if (marker->marker == kExifMarker && is_exif(data)) return exif_orientation(data);
    }
    return 1;
  }

  std::size_t width() const { return jpeg_.image_width; }
  std::size_t height() const { return jpeg_.image_height; }
  bool is_cmyk() const { return jpeg_.num_components == 4; }  // also YCCK, which libjpeg converts to CMYK
  std::string damage() const { return std::string("a damaged JPEG: ") + failure_.message; }

 private:
  static constexpr int kExifMarker = JPEG_APP0 + 1;

  JpegFailure failure_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct jpeg_{};
};

/// Converts as Pillow does: the numbers are inverted, as Adobe writes them, whether or not the file says so, and profiles are ignored.
void cmyk_to_rgb(Image& image) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < image.rgb.size(); from += 4, to += 3) {
    const unsigned black = image.rgb[from + 3];
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const unsigned product = (255U - image.rgb[from + channel]) * black + 128;
      const unsigned ink = ((product >> 8U) + product) >> 8U;  // product / 255, rounded
      image.rgb[to + channel] = static_cast<std::uint8_t>(black - ink);
    }
  }
  image.rgb.resize(to);
}

}  // namespace

bool is_jpeg(std::span<const std::uint8_t> bytes) { return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF; }

DecodedImage decode_jpeg(std::span<const std::uint8_t> bytes) {
  JpegReader reader;
  if (!reader.read_header(bytes)) throw UsageError(reader.damage());
  const std::size_t channels = reader.is_cmyk() ? 4 : 3;
  DecodedImage decoded{
      .image = empty_image(reader.width(), reader.height(), channels), .orientation = reader.orientation(), .cmyk = reader.is_cmyk()};
  std::vector<std::uint8_t*> rows = rows_of(decoded.image);
  if (!reader.read_rows(rows)) throw UsageError(reader.damage());
  if (decoded.cmyk) cmyk_to_rgb(decoded.image);
  return decoded;
}

}  // namespace p2p::engine
