"""The names of the official codes' options, by which misspelt ones are told from those that do not matter here."""

from __future__ import annotations

_SPADE = """
    D_steps_per_G aspect_ratio batchSize beta1 beta2 cache_filelist_read cache_filelist_write checkpoints_dir
    coco_no_portraits contain_dontcare_label continue_train crop_size dataroot dataset_mode debug display_freq
    display_winsize gan_mode gpu_ids how_many image_dir init_type init_variance instance_dir isTrain label_dir label_nc
    lambda_feat lambda_kld lambda_vgg load_from_opt_file load_size lr max_dataset_size model nThreads n_layers_D name
    ndf nef netD netD_subarch netG ngf nhidden niter niter_decay no_TTUR no_flip no_ganFeat_loss no_html no_instance
    no_pairing_check no_vgg_loss norm_D norm_E norm_G num_D num_upsampling_layers optimizer output_nc phase
    preprocess_mode print_freq results_dir save_epoch_freq save_latest_freq semantic_nc serial_batches tf_log use_vae
    which_epoch z_dim
"""  # nhidden is a constant of the official code, which we read like an option
_PIX2PIXHD = """
    aspect_ratio batchSize beta1 checkpoints_dir cluster_path continue_train data_type dataroot debug display_freq
    display_winsize engine export_onnx feat_num fineSize fp16 gpu_ids how_many input_nc instance_feat isTrain
    label_feat label_nc lambda_feat loadSize load_features load_pretrain local_rank lr max_dataset_size model
    nThreads n_blocks_global n_blocks_local n_clusters n_downsample_E n_downsample_global n_layers_D
    n_local_enhancers name ndf nef netG ngf niter niter_decay niter_fix_global no_flip no_ganFeat_loss no_html
    no_instance no_lsgan no_vgg_loss norm ntest num_D onnx output_nc phase pool_size print_freq resize_or_crop
    results_dir save_epoch_freq save_latest_freq serial_batches tf_log use_dropout use_encoded_image verbose
    which_epoch
"""
_OASIS = """
    EMA_decay add_vgg_loss aspect_ratio batch_size beta1 beta2 channels_D channels_G checkpoints_dir
    contain_dontcare_label continue_train crop_size ckpt_iter dataroot dataset_mode freq_fid freq_print freq_save_ckpt
    freq_save_latest freq_save_loss freq_smooth_loss gpu_ids label_nc lambda_labelmix lambda_vgg load_size
    loaded_latest_iter lr_d lr_g name no_3dnoise no_EMA no_balancing_inloss no_flip no_labelmix no_spectral_norm
    num_epochs num_res_blocks num_workers param_free_norm phase results_dir seed semantic_nc spade_ks which_iter
    z_dim
"""

OPTION_NAMES: dict[str, frozenset[str]] = {
    "SPADE": frozenset(_SPADE.split()),
    "pix2pixHD": frozenset(_PIX2PIXHD.split()),
    "OASIS": frozenset(_OASIS.split()),
}
"""Official code -> its options."""
