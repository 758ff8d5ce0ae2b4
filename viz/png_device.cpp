#include "viz/png_device.h"

#include <graphviz/gvcjob.h>
#include <graphviz/gvplugin.h>
#include <graphviz/gvplugin_device.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace busproof::viz {
namespace {

std::string& last_picture() {
  static std::string bytes;
  return bytes;
}

/// cairo's pixels, "0xAARRGGBB" each with the colours weakened by how transparent they are, and without gaps, as red,
/// green and blue. Pictures are opaque but for the last row and column, of which the last point may be a part: behind
/// them is what is behind the first.
std::vector<std::uint8_t> opaque(const std::uint32_t* pixels, std::size_t count) {
  std::vector<std::uint8_t> bytes(3 * count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t pixel = pixels[i], missing = 255U - (pixel >> 24U);
    for (unsigned colour = 0; colour < 3; ++colour) {
      const unsigned shift = 16 - 8 * colour;
      std::uint32_t value = pixel >> shift & 255U;
      if (missing != 0) value = std::min(255U, value + (pixels[0] >> shift & 255U) * missing / 255U);
      bytes[3 * i + colour] = static_cast<std::uint8_t>(value);
    }
  }
  return bytes;
}

void write_picture(GVJ_t* job) {
  std::string& bytes = last_picture();
  bytes.clear();
  if (job->imagedata == nullptr) return;
  const std::vector<std::uint8_t> pixels = opaque(reinterpret_cast<const std::uint32_t*>(job->imagedata),
                                                  static_cast<std::size_t>(job->width) * job->height);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = job->width;
  image.height = job->height;
  image.format = PNG_FORMAT_RGB;
  image.flags = PNG_IMAGE_FLAG_FAST;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  bytes.resize(size);
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr) == 0) size = 0;
  bytes.resize(size);
  bytes.shrink_to_fit();
}

gvdevice_engine_t writer{nullptr, write_picture, nullptr};
gvdevice_features_t features{
    GVDEVICE_BINARY_FORMAT | GVDEVICE_DOES_TRUECOLOR | GVDEVICE_NO_WRITER, {0, 0}, {0, 0}, {96, 96}};
std::array<gvplugin_installed_t, 2> devices{
    {{0, "busproof_png:cairo", 1, &writer, &features}, {0, nullptr, 0, nullptr, nullptr}}};
std::array<gvplugin_api_t, 2> apis{{{API_device, devices.data()}, {static_cast<api_t>(0), nullptr}}};
char package_name[] = "busproof";
gvplugin_library_t library{package_name, apis.data()};

}  // namespace

void add_quick_png(GVC_t* context) { gvAddLibrary(context, &library); }

std::string take_quick_png() { return std::exchange(last_picture(), {}); }

}  // namespace busproof::viz
