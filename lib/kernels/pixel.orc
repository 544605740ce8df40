# SPDX-License-Identifier: LGPL-2.1-or-later
# Pixel loops as ORC programs; pixel_orc.c puts them into the table, and
# dml-check holds them to pixel_c.c. mac4_u8_i32 is not among them: ORC 0.4.33,
# which knows SSE and no AVX, took 1.35 times as long as the C.

.function dml_orc_mac4_u16_i32
.dest 4 y int32_t
.source 2 x0 uint16_t
.source 2 x1 uint16_t
.source 2 x2 uint16_t
.source 2 x3 uint16_t
.param 4 w0
.param 4 w1
.param 4 w2
.param 4 w3
.temp 4 wide
.temp 4 sum

convuwl sum, x0
mulll sum, sum, w0
convuwl wide, x1
mulll wide, wide, w1
addl sum, sum, wide
convuwl wide, x2
mulll wide, wide, w2
addl sum, sum, wide
convuwl wide, x3
mulll wide, wide, w3
addl sum, sum, wide
addl y, y, sum


# shift is one less than the kernel's
.function dml_orc_narrow_i32_i16
.dest 2 y int16_t
.source 4 x int32_t
.param 4 shift
.temp 4 v

shrsl v, x, shift
addl v, v, 1
shrsl v, v, 1
convssslw y, v
