/* Written by tools/gen_poseidon_constants.py: through K, what may be added to the outputs of all
 * S-boxes in place of the constants of rounds 1.. */
#ifndef VFT_HASH_POSEIDON_AFTER_SBOX_H
#define VFT_HASH_POSEIDON_AFTER_SBOX_H

#define VFT_POSEIDON_AFTER_SBOX(K) \
  K(0xac6c9c2b4418dd61ull), K(0xe0888eb1e8a01286ull), K(0x813dbe952b98904eull), \
  K(0xcc3033609c9cf175ull), K(0x72cebc82a59c0f82ull), K(0x8150d8525753e741ull), \
  K(0xb1122c74b268d66eull), K(0x07c6ddd482375aa2ull), K(0xa4dd6f1ef49fb6afull), \
  K(0xd33b0d5b4f7ccfe5ull), K(0xc523112247209124ull), K(0x464804200134c32dull), \
  K(0xcd09dea180de4f2cull), K(0xadb069225c93e4e6ull), K(0xbf01209b8a7c8534ull), \
  K(0xb1eb37d319913823ull), K(0xdadf943b8d3e5a0dull), K(0x6d15f3cb7a3520baull), \
  K(0xf07af62b134ef181ull), K(0x568355076c6b0de6ull), K(0x31ca4bf93cab68b8ull), \
  K(0x0fbad37a125735baull), K(0x9d3a9caaf1ac9e0aull), K(0x4f265810f020c095ull), \
  K(0x6a84c9524e81a8bcull), K(0x68ba410537925c79ull), K(0x422604631b34b07aull), \
  K(0x28e3a001f62f8290ull), K(0x3adfdccb8f734d41ull), K(0x73503e539baec66aull), \
  K(0xe8c1fd0142d9849cull), K(0xe204ac13660546c5ull), K(0x8e2bb3ea97a40c53ull), \
  K(0xac2800d1bf56548cull), K(0x9494dca005d180d0ull), K(0xf36e1d066383ef53ull), \
  K(0x8aa35b97a0e03c04ull), K(0xcf42a59addbd1f0cull), K(0xa43ace89f8fdbd79ull), \
  K(0x037585d8c243870cull), K(0x4ab94ee3e26596feull), K(0xcee3abbb50d57b23ull), \
  K(0xac91a7101a5ec55bull), K(0x9173aa8462280d2dull), K(0xaec1ca46ccb95105ull), \
  K(0x57b2f2845db61e4aull), K(0x95704158500c90c6ull), K(0x66e023b0e6c9df5full), \
  K(0x315f63f4fec360baull), K(0xf3009795713abcf1ull), K(0xf4decc3fb00765eeull), \
  K(0x32620ac918682d50ull), K(0x49717d63a5fc742eull), K(0x153516f22014ea2dull), \
  K(0xcc316380a2761fe4ull), K(0x2e49b3f7076d203dull), K(0x44ac3e9bf0a2dc89ull), \
  K(0x0049d1e388d8e35cull), K(0x53ec867cb39989faull), K(0xd2c9bcc8d65f5a62ull), \
  K(0xc0cc930ee8540455ull), K(0x040651e0872505e8ull), K(0x168973b2ebafbe6cull), \
  K(0x9c7eecb3b40581c2ull), K(0x389473bcdfca97a2ull), K(0xb1cb0b3abe9753adull), \
  K(0x41afceccffdb18e6ull), K(0x7bf841e237ccd6c9ull), K(0x06082a3f101fb888ull), \
  K(0x8c1a39196f4163ccull), K(0xb56664760c1c9476ull), K(0x2a02ac020d1eb5a3ull), \
  K(0x6a9d48e8aa83605dull), K(0x8a0d2f5c4c9c51b2ull), K(0x75fc65575b284ad4ull), \
  K(0xadaedf7d1ce2a8ddull), K(0x235bc889cc83968eull), K(0xa8c30cf1781738f5ull), \
  K(0x546b2a846753bcf8ull), K(0x9b68e8c06c04bd25ull), K(0x3fdf80794ebb443bull), \
  K(0x92ca132a9bec5a45ull), K(0x76133eecfd9bd1ffull), K(0x3fb0fd5381054812ull), \
  K(0xf15925978dbd52ffull), K(0x2ee289ac37f0e879ull), K(0xd8af8654e9a2e659ull), \
  K(0x8595bbd7f34c5e8aull), K(0x0206ddbf781e47b2ull), K(0xe101a767854a2f97ull), \
  K(0xf4d4f0a01072c996ull), K(0x197aec2894aab642ull), K(0x8d0c3911220db49bull), \
  K(0xa62a8bad609227caull), K(0x1e4813a7e7b9cbceull), K(0x6b547528731244ebull), \
  K(0xd08e48512bfea84eull), K(0xb2920c88d3885857ull), K(0x1f0cd5d7a309fcc2ull), \
  K(0x99a0ea0842fdb4fbull), K(0xc227210554b6c53dull), K(0x70e5269708f6f3a9ull), \
  K(0xbe8f71c8c98bb3bdull), K(0xf96fb39adc4baaf6ull), K(0x7f9a7555c60fc6c7ull), \
  K(0xccaa5446d71fe6a5ull), K(0x0000000000000000ull), K(0x0000000000000000ull), \
  K(0x0000000000000000ull), K(0x0000000000000000ull), K(0x0000000000000000ull), \
  K(0x0000000000000000ull), K(0x0000000000000000ull), K(0x0000000000000000ull), \
  K(0x0000000000000000ull), K(0x0000000000000000ull), K(0x0000000000000000ull), \
  K(0x0000000000000000ull)

#endif
