// What Mesa's compiler for AMD GPUs makes of compute shaders, on a machine that has no such GPU: RADV_FORCE_FAMILY names one.
//   cc -O1 statistics.c -lvulkan -o statistics && RADV_FORCE_FAMILY=navi31 VK_DRIVER_FILES=… ./statistics A.spv B.spv …
// Prints the driver, then a line `file<tab>statistic<tab>number` for each statistic of VK_KHR_pipeline_executable_properties.
// Shaders are bound as those of kernels-webgpu: the step at (0, 0), parameters at (1, 0), up to 8 buffers from (1, 1) on.
#include <stdio.h>
#include <stdlib.h>
#include <vulkan/vulkan.h>

#define BUFFERS 8
#define MOST_STATISTICS 64

static void check(VkResult result, const char *what) {
  if (result == VK_SUCCESS || result == VK_INCOMPLETE) return;
  fprintf(stderr, "%s failed with %d\n", what, result);
  exit(1);
}

static VkDevice openDevice(VkPhysicalDevice *physical) {
  VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
  VkInstanceCreateInfo instanceInfo = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
  VkInstance instance;
  check(vkCreateInstance(&instanceInfo, NULL, &instance), "vkCreateInstance");
  uint32_t count = 1;
  check(vkEnumeratePhysicalDevices(instance, &count, physical), "vkEnumeratePhysicalDevices");
  if (count == 0) {
    fprintf(stderr, "there is no device\n");
    exit(1);
  }
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, .pipelineExecutableInfo = VK_TRUE};
  VkPhysicalDeviceVulkan13Features vulkan13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES, .pNext = &properties};
  VkPhysicalDeviceVulkan12Features vulkan12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &vulkan13};
  VkPhysicalDeviceVulkan11Features vulkan11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &vulkan12};
  VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &vulkan11};
  vkGetPhysicalDeviceFeatures2(*physical, &features);
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
  const char *extensions[] = {VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME};
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .pNext = &features,
                             .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue,
                             .enabledExtensionCount = 1,
                             .ppEnabledExtensionNames = extensions};
  VkDevice device;
  check(vkCreateDevice(*physical, &info, NULL, &device), "vkCreateDevice");
  return device;
}

static VkDescriptorSetLayout setLayout(VkDevice device, const VkDescriptorSetLayoutBinding *bindings, uint32_t count) {
  VkDescriptorSetLayoutCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = count, .pBindings = bindings};
  VkDescriptorSetLayout layout;
  check(vkCreateDescriptorSetLayout(device, &info, NULL, &layout), "vkCreateDescriptorSetLayout");
  return layout;
}

static VkPipelineLayout pipelineLayout(VkDevice device) {
  VkDescriptorSetLayoutBinding step = {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
  VkDescriptorSetLayoutBinding operands[BUFFERS + 1];
  for (uint32_t i = 0; i <= BUFFERS; i++) {
    VkDescriptorType type = i == 0 ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    operands[i] = (VkDescriptorSetLayoutBinding){i, type, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
  }
  VkDescriptorSetLayout sets[] = {setLayout(device, &step, 1), setLayout(device, operands, BUFFERS + 1)};
  VkPipelineLayoutCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 2, .pSetLayouts = sets};
  VkPipelineLayout layout;
  check(vkCreatePipelineLayout(device, &info, NULL, &layout), "vkCreatePipelineLayout");
  return layout;
}

static VkShaderModule shaderModule(VkDevice device, const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint32_t *code = malloc(size);
  if (code == NULL || fread(code, 1, size, file) != (size_t)size) {
    fprintf(stderr, "%s could not be read\n", path);
    exit(1);
  }
  fclose(file);
  VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = code};
  VkShaderModule module;
  check(vkCreateShaderModule(device, &info, NULL, &module), path);
  free(code);
  return module;
}

static void printStatistics(VkDevice device, VkPipeline pipeline, const char *path) {
  PFN_vkGetPipelineExecutableStatisticsKHR get =
    (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(device, "vkGetPipelineExecutableStatisticsKHR");
  VkPipelineExecutableInfoKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
  uint32_t count = MOST_STATISTICS;
  VkPipelineExecutableStatisticKHR statistics[MOST_STATISTICS];
  for (uint32_t i = 0; i < count; i++) {
    statistics[i] = (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
  }
  check(get(device, &executable, &count, statistics), "vkGetPipelineExecutableStatisticsKHR");
  for (uint32_t i = 0; i < count; i++) {
    if (statistics[i].format != VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR) continue;
    printf("%s\t%s\t%llu\n", path, statistics[i].name, (unsigned long long)statistics[i].value.u64);
  }
}

int main(int count, char **paths) {
  VkPhysicalDevice physical;
  VkDevice device = openDevice(&physical);
  VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
  vkGetPhysicalDeviceProperties2(physical, &properties);
  printf("driver\t%s\n", driver.driverInfo);
  VkPipelineLayout layout = pipelineLayout(device);
  for (int i = 1; i < count; i++) {
    VkPipelineShaderStageCreateInfo stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                             .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                             .module = shaderModule(device, paths[i]),
                                             .pName = "dawn_entry_point"};
    VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                        .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR,
                                        .stage = stage,
                                        .layout = layout};
    VkPipeline pipeline;
    check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline), paths[i]);
    printStatistics(device, pipeline, paths[i]);
  }
  return 0;
}
